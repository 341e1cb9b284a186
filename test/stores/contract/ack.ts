import assert from 'node:assert/strict';
import { ids, idsOf, keyOf, message, type Promises } from '../harness.ts';

const keys = (...numbers: number[]) => numbers.map((number) => keyOf(message(number)));

export const ackPromises: Promises = {
  async 'an ack deletes what it names and counts the rest'(open) {
    const { store } = await open();
    for (const number of [1, 2, 3, 4]) await store.push(message(number));
    assert.deepEqual(await store.ack('alice', keys(3, 9, 1)), { deleted: 2, missing: 1, remaining: 2 });
    assert.deepEqual(await idsOf(store), ids(2, 4));
    const { messages, bytes } = store.figures();
    assert.deepEqual({ messages, bytes }, { messages: 2, bytes: 18 });
  },

  async 'an ack given again is missing'(open) {
    const { store } = await open();
    await store.push(message(1));
    await store.ack('alice', keys(1));
    assert.deepEqual(await store.ack('alice', keys(1)), { deleted: 0, missing: 1, remaining: 0 });
  },

  async 'a key given twice in one ack counts once'(open) {
    const { store } = await open();
    await store.push(message(1));
    const acked = await store.ack('alice', keys(1, 1, 7, 1, 7));
    assert.deepEqual(acked, { deleted: 1, missing: 1, remaining: 0 });
  },

  async 'each chunk is acked by itself'(open) {
    const { store } = await open();
    for (const chunkIndex of [0, 1, 2]) await store.push(message(1, { chunkIndex }));
    const chunk = (chunkIndex: number) => ({ ...keyOf(message(1)), chunkIndex });
    assert.deepEqual(await store.ack('alice', [chunk(1), chunk(3)]), {
      deleted: 1,
      missing: 1,
      remaining: 2,
    });
    assert.deepEqual(await store.ack('alice', [chunk(0), chunk(1), chunk(2)]), {
      deleted: 2,
      missing: 1,
      remaining: 0,
    });
  },

  async 'an empty ack only counts'(open) {
    const { store } = await open();
    await store.push(message(1));
    assert.deepEqual(await store.ack('alice', []), { deleted: 0, missing: 0, remaining: 1 });
  },

  async "an ack does not reach another recipient's message"(open) {
    const { store } = await open();
    await store.push(message(1));
    assert.deepEqual(await store.ack('bob', keys(1)), { deleted: 0, missing: 1, remaining: 0 });
    assert.deepEqual(await idsOf(store), ids(1));
  },

  async 'an ack for an unknown mailbox leaves no record'(open) {
    const { store } = await open();
    assert.deepEqual(await store.ack('nobody', keys(1, 2)), { deleted: 0, missing: 2, remaining: 0 });
    const { mailboxes, memories } = store.figures();
    assert.deepEqual({ mailboxes, memories }, { mailboxes: 0, memories: 0 });
  },

  async 'of concurrent acks of one message exactly one deletes it'(open) {
    const { store } = await open();
    await store.push(message(1));
    const acks = await Promise.all(Array.from({ length: 20 }, () => store.ack('alice', keys(1))));
    const sum = (part: 'deleted' | 'missing') => acks.reduce((total, acked) => total + acked[part], 0);
    assert.deepEqual([sum('deleted'), sum('missing')], [1, 19]);
  },

  async 'one ack may name a thousand messages'(open) {
    const { store } = await open({ messagesPerMailboxMax: 1_000 });
    const numbers = Array.from({ length: 1_000 }, (_, number) => number);
    await Promise.all(numbers.map((number) => store.push(message(number, { payload: Buffer.alloc(1) }))));
    const acked = await store.ack('alice', keys(...numbers, 5_000));
    assert.deepEqual(acked, { deleted: 1_000, missing: 1, remaining: 0 });
    assert.deepEqual(await idsOf(store), []);
  },

  async 'an ack of many messages is seen whole or not at all'(open) {
    const { store } = await open({ messagesPerMailboxMax: 1_200 });
    const numbers = Array.from({ length: 1_200 }, (_, number) => number);
    await Promise.all(numbers.map((number) => store.push(message(number, { payload: Buffer.alloc(1) }))));
    let isAcked = false;
    const acking = store.ack('alice', keys(...numbers)).finally(() => {
      isAcked = true;
    });
    const seen = new Set<number>();
    while (!isAcked) seen.add((await idsOf(store)).length);
    assert.deepEqual(await acking, { deleted: 1_200, missing: 0, remaining: 0 });
    assert.deepEqual(await idsOf(store), []);
    for (const count of seen) assert.ok(count === 0 || count === 1_200, `${count} of them`);
  },
};
