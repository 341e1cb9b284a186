import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { LongMessage, Store } from '../../src/stores/store.ts';
import { keyOf, contractLimits as limits, message, rejectsWith } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';
import { directory, flip, opened, pass, SEGMENT_BYTES } from './stores.ts';

/** A segment of its own: its head, then the frame of the only batch. */
const LONG_BYTES = 500_000;
const HEAD_BYTES = 4_096 + 48;
const narrow = { messagesMax: 10, bytesMax: 100_000, wholeBytesMax: 100_000 };

/** A store with a long message, and a short one behind it. */
async function stored(t: TestContext): Promise<{ path: string; store: Store; payload: Buffer }> {
  const path = await directory(t);
  const store = await opened(t, path);
  const payload = Buffer.from(Array.from({ length: LONG_BYTES }, (_, index) => index % 251));
  await store.push(message(1, { payload }));
  await store.push(message(2));
  return { path, store, payload };
}

/** Where the long message is: in the one file that is longer than the others. */
async function fileOf(path: string): Promise<string> {
  for (const name of await readdir(path)) {
    const file = join(path, name);
    if ((await stat(file)).size > LONG_BYTES) return file;
  }
  return assert.fail('no long file');
}

async function longOf(store: Store): Promise<LongMessage> {
  const { long } = await store.pull('alice', 0, narrow);
  assert.ok(long);
  return long;
}

for (const [what, at] of [
  ['its head', HEAD_BYTES + 56],
  ['its first piece', HEAD_BYTES + 1_000],
  ['its last piece', HEAD_BYTES + LONG_BYTES],
] as const) {
  test(`a long message with a flipped byte in ${what} gives no piece and counts as gone`, async (t) => {
    const { path, store } = await stored(t);
    await flip(await fileOf(path), at);
    for await (const _ of (await longOf(store)).pieces()) assert.fail('a piece of what is damaged');
    assert.equal(store.figures().disk?.damaged, 1);
    const page = await store.pull('alice', 0, narrow);
    assert.deepEqual(
      page.messages.map(({ messageId }) => messageId),
      [message(2).messageId],
    );
  });
}

test('the last piece of a long message is kept back if it was damaged while it was being read', async (t) => {
  const { path, store } = await stored(t);
  const pieces = (await longOf(store)).pieces()[Symbol.asyncIterator]();
  const { value: first } = await pieces.next();
  await flip(await fileOf(path), HEAD_BYTES + LONG_BYTES);
  const { value: second } = await pieces.next();
  assert.ok(first.length + second.length < LONG_BYTES);
  await rejectsWith('storage_error', pieces.next());
  assert.equal(store.figures().disk?.damaged, 1);
});

test('a long message whose record names another one gives no piece, and its page goes on', async (t) => {
  const { path, store } = await stored(t);
  const seqAt = HEAD_BYTES + 8;
  await flip(await fileOf(path), seqAt);
  const page = await store.pull('alice', 0, narrow);
  assert.equal(page.long, undefined);
  assert.equal(page.messages.length, 1);
});

test('a long message that the cleaner moves while it is read is read to its end', async (t) => {
  const { path, store, payload } = await stored(t);
  const file = await fileOf(path);
  const read: Buffer[] = [];
  for await (const piece of (await longOf(store)).pieces()) {
    read.push(Buffer.from(piece));
    for (let number = 1_000; (await readdir(path)).some((name) => file.endsWith(name)); number++) {
      await pass(store, number);
      assert.ok(number < 3_000, 'the message was not moved');
    }
  }
  assert.ok(payload.equals(Buffer.concat(read)));
});

test('a long message that is acked at any moment before its first piece gives none, and no error', async () => {
  for (let acked = 1; acked <= 4; acked++) {
    const files = new MemoryFiles();
    const open = files.open;
    let onRead = async (): Promise<void> => {};
    files.open = async (name) => {
      const file = await open(name);
      return { ...file, read: (into, position) => onRead().then(() => file.read(into, position)) };
    };
    const store = await openDiskStore({ path: '', files, limits, segmentBytes: SEGMENT_BYTES });
    await store.push(message(1, { payload: Buffer.alloc(LONG_BYTES) }));
    const long = await longOf(store);
    let reads = 0;
    onRead = async () => {
      if (++reads === acked) await store.ack('alice', [keyOf(message(1))]);
    };
    const { done } = await long.pieces()[Symbol.asyncIterator]().next();
    // Three pieces are read to be checked; the fourth read is of the first piece to be given.
    assert.equal(done, acked < 4);
    await store.close();
  }
});
