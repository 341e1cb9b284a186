import assert from 'node:assert/strict';
import { U32_MAX, U64_MAX } from '../../../src/message.ts';
import { ids, idsOf, keyOf, message, type Promises, pullAll } from '../harness.ts';

export const pushPromises: Promises = {
  async 'a push answers with the figures of its mailbox'(open) {
    const { store } = await open();
    const first = message(1, { payload: Buffer.alloc(10) });
    const second = message(2, { payload: Buffer.alloc(5) });
    assert.deepEqual(await store.push(first), { stored: true, queueLen: 1, queueBytes: 10 });
    assert.deepEqual(await store.push(second), { stored: true, queueLen: 2, queueBytes: 15 });
    const { messages, bytes, mailboxes } = store.figures();
    assert.deepEqual({ messages, bytes, mailboxes }, { messages: 2, bytes: 15, mailboxes: 1 });
  },

  async 'a message comes back as it was pushed, every number to its last digit'(open) {
    const { store, clock } = await open();
    const meta = {
      kind: 'sealed \u{1f512}',
      totalLen: U64_MAX,
      chunkIndex: U32_MAX - 1,
      chunkCount: U32_MAX,
      sentMs: 9_007_199_254_740_993n,
    };
    const pushed = message(1, { payload: Uint8Array.from({ length: 256 }, (_, byte) => byte), meta });
    await store.push(pushed);
    const [kept] = await pullAll(store);
    assert.ok(kept);
    assert.deepEqual(Buffer.from(kept.payload), Buffer.from(pushed.payload));
    assert.deepEqual(kept.meta, meta);
    assert.equal(kept.recipient, pushed.recipient);
    assert.equal(kept.messageId, pushed.messageId);
    assert.equal(kept.arrivalMs, clock.wallMs());
    assert.equal(kept.deadlineMs, BigInt(clock.wallMs()) + 3_600_000n);
  },

  async 'payloads of any length come back, the empty one and one larger than a segment too'(open) {
    const { store } = await open();
    const lengths = [0, 1, 2, 3, 4_095, 4_096, 4_097, 65_536, 300_001];
    const payloads = lengths.map((length, fill) => Buffer.alloc(length, fill + 1));
    for (const [number, payload] of payloads.entries()) await store.push(message(number, { payload }));
    const kept = await pullAll(store);
    assert.deepEqual(
      kept.map(({ payload }) => Buffer.from(payload)),
      payloads,
    );
  },

  async 'the bytes of a payload may be used for something else once its push is answered'(open) {
    const { store } = await open();
    for (const length of [1, 40_000, 600_000]) {
      const payload = Buffer.alloc(length, 'sealed');
      await store.push(message(length, { payload }));
      payload.fill('another');
    }
    for (const { payload } of await pullAll(store)) {
      assert.ok(Buffer.alloc(payload.length, 'sealed').equals(payload));
    }
  },

  async 'a duplicate is not stored, whatever its payload: the first one wins'(open) {
    const { store } = await open();
    await store.push(message(1, { payload: Buffer.from('first') }));
    const again = await store.push(message(1, { payload: Buffer.from('another one') }));
    assert.deepEqual(again, { stored: false, queueLen: 1, queueBytes: 5 });
    const kept = await pullAll(store);
    assert.deepEqual(
      kept.map(({ payload }) => String(Buffer.from(payload))),
      ['first'],
    );
  },

  async 'another chunk, or another recipient, is another message'(open) {
    const { store } = await open();
    await store.push(message(1));
    assert.equal((await store.push(message(1, { chunkIndex: 1 }))).stored, true);
    assert.equal((await store.push(message(1, { recipient: 'bob' }))).stored, true);
    assert.equal((await pullAll(store)).length, 2);
    assert.equal((await pullAll(store, 'bob')).length, 1);
  },

  async 'of concurrent pushes of one message exactly one is stored'(open) {
    const { store } = await open();
    const pushes = Array.from({ length: 20 }, () => store.push(message(1)));
    const stored = (await Promise.all(pushes)).filter((result) => result.stored);
    assert.equal(stored.length, 1);
    assert.deepEqual(await idsOf(store), ids(1));
  },

  async 'concurrent pushes are each counted once in the answers'(open) {
    const { store } = await open();
    const pushes = Array.from({ length: 50 }, (_, number) => store.push(message(number)));
    const lengths = (await Promise.all(pushes)).map((result) => result.queueLen);
    assert.deepEqual(
      lengths.sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  },

  async 'a push and an ack of it that are called together leave one answer true'(open) {
    const { store } = await open();
    const pushed = message(1);
    const [, acked] = await Promise.all([store.push(pushed), store.ack('alice', [keyOf(pushed)])]);
    assert.equal((await pullAll(store)).length, 1 - acked.deleted);
    assert.equal(acked.deleted + acked.missing, 1);
  },
};
