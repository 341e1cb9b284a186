import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../src/log.ts';
import { type File, type Files, filesOf } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { recount } from '../../src/stores/disk/recount.ts';
import { lenientFiles } from '../../src/stores/disk/snapshot.ts';
import { verifyStore } from '../../src/stores/disk/verify.ts';
import { keyOf, contractLimits as limits, message } from '../stores/harness.ts';
import {
  churn,
  copyOf,
  directory,
  filledStore,
  flip,
  lastSegment,
  opened,
  payloadOf,
  SEGMENT_BYTES,
} from './stores.ts';

test('verify counts what a closed store holds, and changes no byte of it', async (t) => {
  const path = await filledStore(t, 60);
  const before = await contentsOf(path);
  const found = await verifyStore(path, limits);
  assert.deepEqual(found, {
    segments: 5,
    batches: 61,
    messages: 60,
    bytes: 60 * 3_000,
    mailboxes: 1,
    memories: 0,
    lost: 0,
    damage: [],
    torn: undefined,
    isClosed: true,
  });
  assert.deepEqual(await contentsOf(path), before);
});

test('verify beside a store that is pushed to, acked and cleaned finds no damage and all that was answered before', async (t) => {
  const path = await directory(t);
  const store = await opened(t, path, silentLog, 4 * SEGMENT_BYTES);
  for (let number = 0; number < 20; number++) await store.push({ ...message(number), payload: payloadOf(1) });
  const churning = churn(store, ['bob', 'carol', 'dave', 'eve']);
  while ((await lastSegment(path)) < 12) {
    const { damage, lost, messages } = await verifyStore(path, limits);
    assert.deepEqual([damage, lost], [[], 0]);
    assert.ok(messages >= 20 && messages <= 24, String(messages));
  }
  await churning.end();
});

test('verify finds damage that a start does not look for, and what it costs', async (t) => {
  const path = await filledStore(t, 60);
  const firstRecord = 4096 + 48;
  await flip(join(path, '0000000001.seg'), firstRecord + 2_000);
  await flip(join(path, '0000000002.seg'), 4096 + 20);
  const { damage, messages, lost } = await verifyStore(path, limits);
  assert.deepEqual([messages, lost], [59, 1]);
  const batch = 'a batch is damaged, and a good one follows at 8192; a start reads the index instead';
  assert.deepEqual(damage, [
    { kind: 'batch', file: '0000000002.seg', offset: 4096, bytes: 4096, what: batch, stopsStart: false },
    {
      kind: 'message',
      file: '0000000001.seg',
      offset: firstRecord,
      bytes: 0,
      what: 'a message is damaged',
      stopsStart: false,
    },
  ]);
  const store = await openDiskStore({ path: await copyOf(t, path), limits, segmentBytes: SEGMENT_BYTES });
  const recount = await store.verify();
  assert.deepEqual([recount.messages, recount.lost, recount.isConsistent], [59, 1, true]);
  assert.deepEqual([store.figures().messages, store.figures().disk?.damaged], [59, 1]);
  await store.close();
});

test('verify says of a damaged message that was acked before that nothing is lost', async (t) => {
  const path = await directory(t);
  const store = await openDiskStore({ path, limits, segmentBytes: SEGMENT_BYTES });
  await store.push({ ...message(1), payload: payloadOf(1) });
  await store.ack('alice', [keyOf(message(1))]);
  await store.close();
  await flip(join(path, '0000000001.seg'), 4096 + 2_000);
  const { damage, lost, memories } = await verifyStore(path, limits);
  assert.deepEqual([lost, memories], [0, 1]);
  assert.deepEqual(
    damage.map(({ what }) => what),
    ['a message is damaged that was deleted or moved before'],
  );
});

test('verify goes on behind damage that stops a start, and counts what is left', async (t) => {
  const path = await filledStore(t, 5);
  await flip(join(path, '0000000001.seg'), 4096 + 20);
  const { damage, messages, lost } = await verifyStore(path, limits);
  assert.deepEqual([messages, lost], [4, 0]);
  assert.deepEqual(
    damage.map(({ offset, stopsStart }) => [offset, stopsStart]),
    [[4096, true]],
  );
});

test('what the disk does not give is damage in its own page only', async (t) => {
  const files = filesOf(await filledStore(t, 5));
  const badPage = 3 * 4096;
  const open: Files['open'] = async (name, access) => {
    const file = await files.open(name, access);
    const read: File['read'] = (into, position) =>
      position < badPage + 4096 && position + into.length > badPage
        ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
        : file.read(into, position);
    return {
      read,
      size: () => file.size(),
      write: async () => 0,
      flush: async () => {},
      close: () => file.close(),
    };
  };
  const found = await recount(lenientFiles({ ...files, open }), { limits, now: Date.now });
  assert.deepEqual([found.messages, found.damage.map(({ offset }) => offset)], [4, [badPage]]);
});

async function contentsOf(path: string): Promise<Record<string, Buffer>> {
  const contents: Record<string, Buffer> = {};
  for (const name of (await readdir(path)).sort()) contents[name] = await readFile(join(path, name));
  return contents;
}
