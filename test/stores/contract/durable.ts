import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Store } from '../../../src/stores/store.ts';
import { type Harness, ids, idsOf, keyOf, message, type Promises, pullAll, rejectsWith } from '../harness.ts';
import { oddRecipients } from './mailboxes.ts';

async function reopen(
  harness: Harness,
  limits?: Parameters<NonNullable<Harness['reopen']>>[0],
): Promise<void> {
  assert.ok(harness.reopen);
  await harness.reopen(limits);
}

function counts(store: Store): number[] {
  const { messages, bytes, mailboxes, memories } = store.figures();
  return [messages, bytes, mailboxes, memories];
}

/** What only a store that outlives its process can promise. */
export const durablePromises: Promises = {
  async 'a mailbox is not empty before an ack of all of it is on disk'(open) {
    const { store } = await open();
    await store.push(message(1));
    let isAcked = false;
    const acked = store.ack('alice', [keyOf(message(1))]).then(() => {
      isAcked = true;
    });
    while (!isAcked) {
      assert.notEqual(store.isEmpty?.('alice'), true);
      await nextTurn();
    }
    await acked;
  },

  async 'a restart changes no message, no order and no figure'(open) {
    const harness = await open();
    const { store } = harness;
    for (const [number, recipient] of oddRecipients.entries()) {
      for (const chunkIndex of [2, 0, 1]) await store.push(message(number, { recipient, chunkIndex }));
      await store.ack(recipient, [{ ...keyOf(message(number)), chunkIndex: 0 }]);
    }
    const everything = () => Promise.all(oddRecipients.map((recipient) => pullAll(store, recipient)));
    const before = await everything();
    const countsBefore = counts(store);
    await reopen(harness);
    assert.deepEqual(counts(store), countsBefore);
    assert.deepEqual(await everything(), before);
  },

  async 'duplicates and memories are recognised after a restart'(open) {
    const harness = await open();
    const { store, clock } = harness;
    await store.push(message(1));
    await store.push(message(2));
    await store.ack('alice', [keyOf(message(2))]);
    clock.advance(599_999);
    await reopen(harness);
    assert.equal((await store.push(message(1))).stored, false);
    assert.equal((await store.push(message(2))).stored, false);
    clock.advance(1);
    assert.equal((await store.push(message(2))).stored, true);
  },

  async 'what falls due while the store is closed is gone when it opens'(open) {
    const harness = await open({ messageTtlMs: 1_000n, dedupWindowMs: 1_000 });
    const { store, clock } = harness;
    await store.push(message(1));
    await store.push(message(2));
    await store.ack('alice', [keyOf(message(2))]);
    clock.advance(1_000);
    await reopen(harness);
    assert.deepEqual(await idsOf(store), []);
    assert.equal((await store.push(message(2))).stored, true);
    assert.equal((await store.push(message(1))).stored, true);
  },

  async 'a deadline is fixed at push, whatever the TTL is later'(open) {
    const harness = await open({ messageTtlMs: 1_000n });
    await harness.store.push(message(1));
    const [before] = await pullAll(harness.store);
    await reopen(harness, { messageTtlMs: 3_600_000n });
    assert.deepEqual(await pullAll(harness.store), [before]);
    harness.clock.advance(1_000);
    assert.deepEqual(await idsOf(harness.store), []);
  },

  async 'time does not run back over a restart with the clock set back'(open) {
    const harness = await open({ messageTtlMs: 1_000n });
    const { store, clock } = harness;
    await store.push(message(1));
    clock.advance(1_000);
    const arrivalMs = clock.wallMs();
    await store.push(message(2));
    clock.setWall(arrivalMs - 86_400_000);
    await reopen(harness);
    assert.deepEqual(await idsOf(store), ids(2));
    await store.push(message(3));
    assert.ok((await pullAll(store)).every((kept) => kept.arrivalMs >= arrivalMs));
    clock.advance(1_000);
    assert.deepEqual(await idsOf(store), []);
  },

  async 'a seq never goes back over a restart of an emptied store, with the clock set back too'(open) {
    const harness = await open({ dedupWindowMs: 0 });
    const { store, clock } = harness;
    let last = 0;
    for (let number = 0; number < 4; number++) {
      await store.push(message(number));
      const [kept] = await pullAll(store);
      assert.ok(kept && kept.seq > last);
      last = kept.seq;
      await store.ack('alice', [keyOf(kept)]);
      await store.sweep();
      clock.setWall(clock.wallMs() - 86_400_000);
      await reopen(harness);
    }
  },

  async 'quotas go on from where they were'(open) {
    const harness = await open({ messagesPerMailboxMax: 2, messagesMax: 3 });
    const { store } = harness;
    for (const number of [1, 2]) await store.push(message(number));
    await reopen(harness);
    await rejectsWith('quota_exceeded', store.push(message(3)));
    await store.push(message(4, { recipient: 'bob' }));
    await reopen(harness);
    await rejectsWith('storage_error', store.push(message(5, { recipient: 'bob' })));
  },

  async 'what is stored is loaded though it is above a new, lower bound'(open) {
    const harness = await open();
    const { store } = harness;
    for (let number = 0; number < 10; number++) await store.push(message(number));
    await reopen(harness, { messagesMax: 3, messagesPerMailboxMax: 2, bytesPerMailboxMax: 5 });
    assert.equal((await idsOf(store)).length, 10);
    await rejectsWith('storage_error', store.push(message(20)));
    await store.ack('alice', [keyOf(message(0))]);
    assert.equal((await idsOf(store)).length, 9);
  },

  async 'what was in flight at the close is there afterwards'(open) {
    const harness = await open();
    const pushes = Array.from({ length: 20 }, (_, number) => harness.store.push(message(number)));
    await Promise.all([reopen(harness), ...pushes]);
    assert.equal((await idsOf(harness.store)).length, 20);
  },
};
