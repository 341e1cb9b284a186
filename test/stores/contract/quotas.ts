import assert from 'node:assert/strict';
import { countStored, ids, idsOf, keyOf, message, type Promises, rejectsWith } from '../harness.ts';

export const quotaPromises: Promises = {
  async 'concurrent pushes fill the quota of messages exactly'(open) {
    const { store } = await open({ messagesPerMailboxMax: 37 });
    const pushes = Array.from({ length: 100 }, (_, number) => store.push(message(number)));
    assert.equal(await countStored('quota_exceeded', pushes), 37);
    assert.equal((await idsOf(store)).length, 37);
  },

  async 'concurrent pushes fill the quota of bytes exactly'(open) {
    const { store } = await open({ bytesPerMailboxMax: 105 });
    const payload = Buffer.alloc(10);
    const pushes = Array.from({ length: 100 }, (_, number) => store.push(message(number, { payload })));
    assert.equal(await countStored('quota_exceeded', pushes), 10);
    await rejectsWith('quota_exceeded', store.push(message(200, { payload: Buffer.alloc(6) })));
    const last = await store.push(message(201, { payload: Buffer.alloc(5) }));
    assert.deepEqual(last, { stored: true, queueLen: 11, queueBytes: 105 });
    await rejectsWith('quota_exceeded', store.push(message(202, { payload: Buffer.alloc(1) })));
    assert.equal((await store.push(message(203, { payload: Buffer.alloc(0) }))).stored, true);
  },

  async 'a refused push leaves nothing behind'(open) {
    const { store } = await open({ messagesPerMailboxMax: 1, bytesPerMailboxMax: 20 });
    await store.push(message(1));
    const before = store.figures();
    await rejectsWith('quota_exceeded', store.push(message(2)));
    await rejectsWith(
      'quota_exceeded',
      store.push(message(3, { recipient: 'bob', payload: Buffer.alloc(21) })),
    );
    const { messages, bytes, mailboxes } = store.figures();
    assert.deepEqual(
      { messages, bytes, mailboxes },
      { messages: before.messages, bytes: before.bytes, mailboxes: before.mailboxes },
    );
    assert.deepEqual(await idsOf(store), ids(1));
  },

  async 'a duplicate is recognised in a full mailbox'(open) {
    const { store } = await open({ messagesPerMailboxMax: 1 });
    await store.push(message(1));
    assert.equal((await store.push(message(1))).stored, false);
  },

  async 'an ack gives its quota back'(open) {
    const { store } = await open({ messagesPerMailboxMax: 2, bytesPerMailboxMax: 20 });
    await store.push(message(1, { payload: Buffer.alloc(15) }));
    await store.push(message(2, { payload: Buffer.alloc(5) }));
    await store.ack('alice', [keyOf(message(1))]);
    const third = await store.push(message(3, { payload: Buffer.alloc(15) }));
    assert.deepEqual(third, { stored: true, queueLen: 2, queueBytes: 20 });
  },

  async 'a full mailbox does not touch another one'(open) {
    const { store } = await open({ messagesPerMailboxMax: 1 });
    await store.push(message(1));
    assert.equal((await store.push(message(2, { recipient: 'bob' }))).stored, true);
  },

  async 'concurrent pushes fill the bound over all mailboxes exactly, and it is asked before the quota'(
    open,
  ) {
    const { store } = await open({ messagesMax: 20, messagesPerMailboxMax: 1 });
    const pushes = Array.from({ length: 50 }, (_, number) =>
      store.push(message(number, { recipient: `r${number}` })),
    );
    assert.equal(await countStored('storage_error', pushes), 20);
    assert.equal(store.figures().messages, 20);
    await rejectsWith('storage_error', store.push(message(100, { recipient: 'r0' })));
    assert.equal((await store.push(message(0, { recipient: 'r0' }))).stored, false);
  },

  async 'at the bound over all mailboxes the oldest memories are forgotten first'(open) {
    const { store, clock } = await open({ messagesMax: 3 });
    const [a, b, c, d] = [message(1), message(2), message(3), message(4, { recipient: 'bob' })];
    for (const pushed of [a, b, c]) await store.push(pushed);
    await store.ack('alice', [keyOf(b)]);
    clock.advance(1);
    await store.ack('alice', [keyOf(a)]);
    assert.equal((await store.push(d)).stored, true);
    assert.equal(store.figures().memories, 1);
    assert.equal((await store.push(a)).stored, false, 'the younger memory is still there');
    assert.equal((await store.push(b)).stored, true, 'the older one is forgotten');
    assert.equal(store.figures().memories, 0);
    await rejectsWith('storage_error', store.push(message(5)));
  },

  async 'at the bound over all mailboxes what is due makes room'(open) {
    const { store, clock } = await open({ messagesMax: 2, messageTtlMs: 1_000n });
    await store.push(message(1));
    await store.push(message(2, { recipient: 'bob' }));
    clock.advance(1_000);
    assert.equal((await store.push(message(3, { recipient: 'carol' }))).stored, true);
    assert.equal((await store.push(message(4, { recipient: 'carol' }))).stored, true);
    await rejectsWith('storage_error', store.push(message(5, { recipient: 'carol' })));
  },
};
