import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';
import { pass, payloadOf, SEGMENT_BYTES } from './stores.ts';

const COUNT = 60;

/** A store with messages in several segments, whose disk gives errors while `isBad` says so. */
async function storeOnBadDisk(isBad: (position: number, length: number) => boolean) {
  const files = new MemoryFiles().wrapped((file: File) => ({
    ...file,
    read: (into, position) =>
      isBad(position, into.length) ? Promise.reject(new Error('EIO')) : file.read(into, position),
  }));
  const clock = new TestClock();
  const options = { path: '', limits, files, clock, segmentBytes: SEGMENT_BYTES };
  const store = await openDiskStore(options);
  for (let number = 0; number < COUNT; number++)
    await store.push(message(number, { payload: payloadOf(number) }));
  return { store, clock };
}

test('a disk that gives errors for a while loses nothing, whoever reads', async () => {
  let fails = false;
  const { store } = await storeOnBadDisk(() => fails);
  fails = true;
  await assert.rejects(pullAll(store), { code: 'storage_error' });
  await assert.rejects(pullAll(store), { code: 'storage_error' });
  for (let number = 1_000; number < 1_100; number++) await pass(store, number);
  fails = false;
  assert.equal((await pullAll(store)).length, COUNT);
  assert.equal(store.figures().disk?.damaged, 0);
  await store.close();
});

test('what the disk gives only errors for is lost after half a minute, and nothing else', async () => {
  let [from, to] = [0, 0];
  const { store, clock } = await storeOnBadDisk(
    (position, length) => position < to && position + length > from,
  );
  const limit = { messagesMax: COUNT, bytesMax: 2 ** 20 };
  const pull = async () => (await store.pull('alice', 0, limit)).messages;
  [from, to] = [8_300, 8_301];
  for (const attempt of ['the first', 'the second']) {
    await assert.rejects(pull(), { code: 'storage_error' }, attempt);
    clock.advance(15_000);
  }
  const left = (await pull()).length;
  assert.ok(left < COUNT && left > COUNT / 2, String(left));
  assert.equal(store.figures().disk?.damaged, COUNT - left);
  await store.close();
});
