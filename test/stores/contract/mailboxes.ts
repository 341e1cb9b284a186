import assert from 'node:assert/strict';
import { ids, idsOf, keyOf, message, type Promises, pullAll } from '../harness.ts';

/** Names that reach into another mailbox, or into the language, where keys are put together carelessly. */
export const oddRecipients: readonly string[] = [
  'a',
  'a:0',
  'a:zz',
  'a:00000000000000000000',
  'A',
  'a ',
  ' a',
  'a\0',
  'a\0b',
  '\0',
  'a/b',
  '../a',
  '__proto__',
  'constructor',
  'toString',
  '\u{1f512}',
  'é',
  'e\u0301',
  '\ufeff',
  'x'.repeat(256),
  'x'.repeat(255),
  '\u{1f512}'.repeat(64),
];

export const mailboxPromises: Promises = {
  async 'no name of a mailbox reaches into another one'(open) {
    const { store } = await open();
    for (const recipient of oddRecipients) {
      const pushed = await store.push(message(1, { recipient, payload: Buffer.from(recipient) }));
      assert.deepEqual(pushed, { stored: true, queueLen: 1, queueBytes: Buffer.byteLength(recipient) });
    }
    for (const recipient of oddRecipients) {
      const kept = await pullAll(store, recipient);
      assert.deepEqual(
        kept.map((one) => [one.recipient, String(Buffer.from(one.payload))]),
        [[recipient, recipient]],
      );
    }
    assert.equal(store.figures().mailboxes, oddRecipients.length);
    for (const [index, recipient] of oddRecipients.entries()) {
      const acked = await store.ack(recipient, [keyOf(message(1))]);
      assert.deepEqual(acked, { deleted: 1, missing: 0, remaining: 0 });
      assert.equal(store.figures().messages, oddRecipients.length - index - 1);
    }
  },

  async 'nothing is left of a mailbox that is empty and past its memory'(open) {
    const { store, clock } = await open();
    for (const recipient of oddRecipients) {
      await store.push(message(1, { recipient }));
      await store.ack(recipient, [keyOf(message(1))]);
    }
    clock.advance(600_000);
    await store.sweep();
    const { messages, bytes, mailboxes, memories } = store.figures();
    assert.deepEqual([messages, bytes, mailboxes, memories], [0, 0, 0, 0]);
  },

  async 'a seq never goes back, not after a mailbox was emptied and forgotten either'(open) {
    const { store, clock } = await open({ dedupWindowMs: 0 });
    let last = Math.floor(clock.wallMs() / 1_000) * 2 ** 20 - 1;
    for (let number = 0; number < 5; number++) {
      await store.push(message(number));
      await store.push(message(number, { recipient: 'bob' }));
      for (const recipient of ['alice', 'bob']) {
        const [kept] = await pullAll(store, recipient);
        assert.ok(kept && Number.isSafeInteger(kept.seq) && kept.seq > last);
        last = kept.seq;
        await store.ack(recipient, [keyOf(kept)]);
      }
      await store.sweep();
    }
  },

  async 'a close waits for what is in flight, and nothing is taken after it'(open) {
    const { store } = await open();
    await store.push(message(1));
    const flight = [store.push(message(2)), store.push(message(3)), store.ack('alice', [keyOf(message(1))])];
    let settled = 0;
    for (const operation of flight) operation.then(() => settled++);
    await store.close();
    assert.equal(settled, 3);
    await assert.rejects(store.push(message(4)));
  },

  async 'mailboxes do not wait for each other to be read'(open) {
    const { store } = await open();
    await Promise.all(
      Array.from({ length: 200 }, (_, number) => store.push(message(number, { recipient: `r${number}` }))),
    );
    const pages = await Promise.all(Array.from({ length: 200 }, (_, number) => idsOf(store, `r${number}`)));
    assert.deepEqual(
      pages.flat(),
      Array.from({ length: 200 }, (_, number) => ids(number)[0]),
    );
  },
};
