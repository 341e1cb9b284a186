import assert from 'node:assert/strict';
import type { Store } from '../../../src/stores/store.ts';
import { idsOf, keyOf, message, type Promises } from '../harness.ts';

const windowMs = 600_000;

async function pushAndAck(store: Store, number: number): Promise<void> {
  await store.push(message(number));
  await store.ack('alice', [keyOf(message(number))]);
}

export const memoryPromises: Promises = {
  async 'a late retry of an acked message is a duplicate, for the window from the ack'(open) {
    const { store, clock } = await open();
    await store.push(message(1));
    clock.advance(windowMs - 1);
    await store.ack('alice', [keyOf(message(1))]);
    clock.advance(windowMs - 1);
    const late = await store.push(message(1, { payload: Buffer.from('other') }));
    assert.deepEqual(late, { stored: false, queueLen: 0, queueBytes: 0 });
    assert.deepEqual(await idsOf(store), []);
    clock.advance(1);
    assert.equal((await store.push(message(1))).stored, true);
  },

  async 'a duplicate does not renew the memory, nor does another ack'(open) {
    const { store, clock } = await open();
    await pushAndAck(store, 1);
    clock.advance(windowMs - 1);
    assert.equal((await store.push(message(1))).stored, false);
    assert.equal((await store.ack('alice', [keyOf(message(1))])).missing, 1);
    clock.advance(1);
    assert.equal((await store.push(message(1))).stored, true);
  },

  async 'what an ack did not find is not remembered'(open) {
    const { store } = await open();
    await store.push(message(1));
    await store.ack('alice', [keyOf(message(2))]);
    assert.equal(store.figures().memories, 0);
    assert.equal((await store.push(message(2))).stored, true);
  },

  async 'a message that is acked again after its window is remembered again'(open) {
    const { store, clock } = await open();
    await pushAndAck(store, 1);
    clock.advance(windowMs);
    await pushAndAck(store, 1);
    clock.advance(windowMs - 1);
    assert.equal((await store.push(message(1))).stored, false);
    clock.advance(1);
    assert.equal((await store.push(message(1))).stored, true);
  },

  async 'a memory is of one mailbox and one chunk'(open) {
    const { store } = await open();
    await pushAndAck(store, 1);
    assert.equal((await store.push(message(1, { recipient: 'bob' }))).stored, true);
    assert.equal((await store.push(message(1, { chunkIndex: 1 }))).stored, true);
  },

  async 'a window of 0 remembers nothing'(open) {
    const { store } = await open({ dedupWindowMs: 0 });
    await pushAndAck(store, 1);
    assert.equal((await store.push(message(1))).stored, true);
    await store.ack('alice', [keyOf(message(1))]);
    await store.sweep();
    const { memories, mailboxes } = store.figures();
    assert.deepEqual({ memories, mailboxes }, { memories: 0, mailboxes: 0 });
  },

  async 'memories are counted, and gone with their mailbox after the window; no sweep counts them'(open) {
    const { store, clock } = await open();
    for (const number of [1, 2, 3]) await pushAndAck(store, number);
    const before = store.figures();
    assert.deepEqual([before.messages, before.memories, before.mailboxes], [0, 3, 1]);
    clock.advance(windowMs);
    assert.equal(await store.sweep(), 0);
    const after = store.figures();
    assert.deepEqual([after.messages, after.memories, after.mailboxes], [0, 0, 0]);
  },
};
