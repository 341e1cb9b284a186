import assert from 'node:assert/strict';
import { open as openFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../src/log.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import {
  copyOf,
  directory,
  filledStore,
  flip,
  opened,
  payloadOf,
  refuses,
  SEGMENT_BYTES,
  zero,
} from './stores.ts';

test('a flipped byte in a message costs that message only, and is reported with its file and offset', async (t) => {
  const path = await filledStore(t, 60);
  await flip(join(path, '0000000002.seg'), 18_000);
  const errors: object[] = [];
  const log = { ...silentLog, error: (fields: object) => errors.push(fields) };
  const store = await opened(t, path, log);

  const kept = await pullAll(store);
  assert.equal(kept.length, 59);
  for (const { messageId, payload } of kept) {
    const number = Number.parseInt(messageId.slice(-12), 16);
    assert.ok(payloadOf(number).equals(payload));
  }
  assert.equal(store.figures().messages, 59);
  assert.equal(store.figures().disk?.damaged, 1);
  assert.equal((errors[0] as { file: string }).file, '0000000002.seg');
  assert.equal(typeof (errors[0] as { offset: number }).offset, 'number');

  const lost = Array.from({ length: 60 }, (_, number) => message(number)).find(
    ({ messageId }) => !kept.some((each) => each.messageId === messageId),
  );
  assert.ok(lost);
  assert.deepEqual(await store.ack('alice', [{ messageId: lost.messageId, chunkIndex: 0 }]), {
    deleted: 0,
    missing: 1,
    remaining: 59,
  });
  assert.equal((await store.push(lost)).stored, true);
});

test('a flipped byte in what a message says of itself costs that message too, though a start reads the index', async (t) => {
  const path = await filledStore(t, 60);
  const firstRecord = 4096 + 48;
  const sentMsAt = 56;
  await flip(join(path, '0000000001.seg'), firstRecord + sentMsAt);
  const store = await opened(t, path);
  assert.equal(store.figures().messages, 60);
  assert.deepEqual(
    (await pullAll(store)).map(({ meta }) => meta.sentMs),
    new Array(59).fill(1n),
  );
});

test('the cleaner sets a segment with a damaged message aside and deletes nothing that it could not read', async (t) => {
  const path = await filledStore(t, 60);
  await flip(join(path, '0000000001.seg'), 18_000);
  const store = await opened(t, path);
  for (let number = 1_000; !(await readdir(path)).includes('0000000001.seg.bad'); number++) {
    await store.push({ ...message(number, { recipient: 'bob' }), payload: payloadOf(number) });
    await store.ack('bob', [{ messageId: message(number).messageId, chunkIndex: 0 }]);
    assert.ok(number < 3_000, 'no segment was set aside');
  }
  assert.equal((await pullAll(store)).length, 59);
});

test('what is set aside does not take the place of what an earlier repair has kept', async (t) => {
  const path = await filledStore(t, 60);
  const kept = join(path, '0000000001.seg.bad');
  await writeFile(kept, 'kept by a repair');
  await flip(join(path, '0000000001.seg'), 18_000);
  const store = await opened(t, path);
  assert.equal((await pullAll(store)).length, 59);
  for (let number = 1_000; (await readdir(path)).includes('0000000001.seg'); number++) {
    await store.push({ ...message(number, { recipient: 'bob' }), payload: payloadOf(number) });
    await store.ack('bob', [{ messageId: message(number).messageId, chunkIndex: 0 }]);
    assert.ok(number < 3_000, 'no segment was set aside');
  }
  assert.equal(await readFile(kept, 'utf8'), 'kept by a repair');
  assert.ok((await readdir(path)).includes('0000000001.seg.bad2'));
});

test('a missing segment, the last one too, is named and the store does not open', async (t) => {
  const path = await filledStore(t, 60);
  const segments = (await readdir(path)).filter((name) => name.endsWith('.seg')).sort();
  for (const name of segments) {
    const copy = await copyOf(t, path);
    await rm(join(copy, name));
    await refuses(copy, /\d{10}\.seg/);
  }
});

test('a segment with a damaged head, or under another number, is named and the store does not open', async (t) => {
  const path = await filledStore(t, 60);
  const flipped = await copyOf(t, path);
  await flip(join(flipped, '0000000002.seg'), 30);
  await refuses(flipped, /0000000002\.seg at 0/);
  const swapped = await copyOf(t, path);
  await rename(join(swapped, '0000000001.seg'), join(swapped, '0000000009.seg'));
  await refuses(swapped, /0000000009\.seg at 0/);
});

test('a damaged batch with a good one behind it is named with its offset and the store does not open', async (t) => {
  const path = await filledStore(t, 5);
  await flip(join(path, '0000000001.seg'), 4096 + 20);
  await refuses(path, /0000000001\.seg at 4096/);
});

test('a torn last batch is dropped, with a warning that says where', async (t) => {
  const path = await filledStore(t, 5);
  const name = '0000000001.seg';
  // The last two batches are the last push, alone in its pages, and the end.
  const endAt = 4096 * 6;
  await zero(join(path, name), endAt);
  await flip(join(path, name), endAt - 4096 + 300);
  const warnings: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => warnings.push(fields) };
  const store = await opened(t, path, log);
  assert.equal((await pullAll(store)).length, 4);
  assert.deepEqual(Object.keys(warnings[0] ?? {}), ['file', 'offset', 'bytes']);
});

test('a sled database is left alone', async (t) => {
  const path = await directory(t);
  for (const name of ['conf', 'db']) await (await openFile(join(path, name), 'w')).close();
  await refuses(path, /sled/);
  assert.deepEqual((await readdir(path)).sort(), ['conf', 'db']);
});

test('a second store on the same directory is refused until the first one is closed', async (t) => {
  const path = await directory(t);
  const first = await openDiskStore({ path, limits, segmentBytes: SEGMENT_BYTES });
  await refuses(path, /in use/);
  await first.close();
  await (await openDiskStore({ path, limits, segmentBytes: SEGMENT_BYTES })).close();
});
