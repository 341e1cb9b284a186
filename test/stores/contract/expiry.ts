import assert from 'node:assert/strict';
import { U64_MAX } from '../../../src/message.ts';
import { ids, idsOf, keyOf, message, type Promises, pullAll, rejectsWith } from '../harness.ts';

const ttl = { messageTtlMs: 1_000n };
const wide = { messagesMax: 1_000, bytesMax: 2 ** 40 };

export const expiryPromises: Promises = {
  async 'a message is visible until its deadline and counts nowhere from it on'(open) {
    const { store, clock } = await open(ttl);
    await store.push(message(1));
    clock.advance(500);
    await store.push(message(2));
    clock.advance(499);
    assert.deepEqual(await idsOf(store), ids(1, 2));
    clock.advance(1);
    const page = await store.pull('alice', 0, wide);
    assert.deepEqual(
      page.messages.map((kept) => kept.messageId),
      ids(2),
    );
    assert.deepEqual([page.more, page.remaining], [false, 0]);
    assert.deepEqual(await store.push(message(3)), { stored: true, queueLen: 2, queueBytes: 18 });
    assert.equal((await store.ack('alice', [])).remaining, 2);
  },

  async 'what is expired takes no quota'(open) {
    const { store, clock } = await open({ ...ttl, messagesPerMailboxMax: 1, bytesPerMailboxMax: 10 });
    await store.push(message(1, { payload: Buffer.alloc(10) }));
    await rejectsWith('quota_exceeded', store.push(message(2)));
    clock.advance(1_000);
    const second = await store.push(message(2, { payload: Buffer.alloc(10) }));
    assert.deepEqual(second, { stored: true, queueLen: 1, queueBytes: 10 });
  },

  async 'an ack of an expired message is missing and not remembered'(open) {
    const { store, clock } = await open(ttl);
    await store.push(message(1));
    clock.advance(1_000);
    assert.deepEqual(await store.ack('alice', [keyOf(message(1))]), { deleted: 0, missing: 1, remaining: 0 });
    assert.equal((await store.push(message(1))).stored, true);
  },

  async 'a push of an expired key is stored as a new message'(open) {
    const { store, clock } = await open(ttl);
    await store.push(message(1));
    const first = (await pullAll(store))[0];
    clock.advance(1_000);
    const again = await store.push(message(1, { payload: Buffer.from('new') }));
    assert.deepEqual(again, { stored: true, queueLen: 1, queueBytes: 3 });
    const [kept] = await pullAll(store);
    assert.ok(first && kept && kept.seq > first.seq);
    assert.equal(kept.arrivalMs, clock.wallMs());
    assert.equal(String(Buffer.from(kept.payload)), 'new');
  },

  async 'with a TTL of 0 everything is stored and nothing is ever visible'(open) {
    const { store } = await open({ messageTtlMs: 0n, messagesPerMailboxMax: 2 });
    for (const number of [1, 2, 3, 1]) {
      assert.deepEqual(await store.push(message(number)), { stored: true, queueLen: 0, queueBytes: 0 });
    }
    assert.deepEqual(await idsOf(store), []);
    await store.sweep();
    const { messages, bytes, mailboxes } = store.figures();
    assert.deepEqual({ messages, bytes, mailboxes }, { messages: 0, bytes: 0, mailboxes: 0 });
  },

  async 'a deadline is at most 2^64−1'(open) {
    const { store, clock } = await open({ messageTtlMs: U64_MAX });
    await store.push(message(1));
    clock.advance(10 * 365 * 86_400_000);
    assert.equal((await pullAll(store))[0]?.deadlineMs, U64_MAX);
  },

  async 'a sweep removes what is due and says how much'(open) {
    const { store, clock } = await open(ttl);
    for (let number = 0; number < 30; number++) {
      await store.push(message(number, { recipient: `r${number % 10}` }));
    }
    clock.advance(500);
    await store.push(message(99, { recipient: 'r0' }));
    assert.equal(await store.sweep(), 0);
    assert.equal(store.figures().sweepLagMs, 0);
    clock.advance(500);
    assert.equal(await store.sweep(), 30);
    const { messages, bytes, mailboxes, sweepLagMs } = store.figures();
    assert.deepEqual(
      { messages, bytes, mailboxes, sweepLagMs },
      { messages: 1, bytes: 10, mailboxes: 1, sweepLagMs: 0 },
    );
    assert.equal(await store.sweep(), 0);
    clock.advance(500);
    assert.equal(await store.sweep(), 1);
    assert.equal(store.figures().mailboxes, 0);
  },

  async 'the lag of the sweep is how long the first message has been due'(open) {
    const { store, clock } = await open(ttl);
    await store.push(message(1));
    clock.advance(1_250);
    assert.equal(store.figures().sweepLagMs, 250);
  },

  async 'a clock that is set back brings nothing back, and time goes on'(open) {
    const { store, clock } = await open(ttl);
    await store.push(message(1));
    clock.advance(1_000);
    await store.push(message(2));
    const arrivalMs = clock.wallMs();
    clock.setWall(arrivalMs - 86_400_000);
    assert.deepEqual(await idsOf(store), ids(2));
    await store.push(message(3));
    assert.ok((await pullAll(store)).every((kept) => kept.arrivalMs >= arrivalMs));
    clock.advance(1_000);
    assert.deepEqual(await idsOf(store), []);
  },
};
