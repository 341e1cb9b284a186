import assert from 'node:assert/strict';
import type { LongMessage, Store } from '../../../src/stores/store.ts';
import { ids, idsOf, keyOf, message, type Promises, pullAll, rejectsWith } from '../harness.ts';

const wide = { messagesMax: 1_000, bytesMax: 2 ** 40 };
const narrow = { messagesMax: 1_000, bytesMax: 1_000, wholeBytesMax: 1_000 };

/** Of a payload that comes in several pieces. */
const LONG_BYTES = 500_000;

async function pushNumbers(store: Store, count: number, payloadBytes = 10): Promise<void> {
  for (let number = 0; number < count; number++) {
    await store.push(message(number, { payload: Buffer.alloc(payloadBytes, number) }));
  }
}

export const pullPromises: Promises = {
  async 'an unknown mailbox is an empty one'(open) {
    const { store } = await open();
    assert.deepEqual(await store.pull('nobody', 0, wide), { messages: [], more: false, remaining: 0 });
    assert.equal(store.figures().mailboxes, 0);
  },

  async 'a mailbox is empty from the ack of its last message to the next push or the close'(open) {
    const { store } = await open();
    const seen: (boolean | undefined)[] = [];
    const look = (): void => void seen.push(store.isEmpty?.('alice'));
    look();
    await store.push(message(1));
    look();
    await store.ack('alice', [keyOf(message(1))]);
    look();
    await store.push(message(2));
    look();
    await store.ack('alice', [keyOf(message(2))]);
    look();
    await store.close();
    look();
    assert.deepEqual(seen, [true, false, true, false, true, false]);
  },

  async 'messages come in the order of their arrival, with growing seqs'(open) {
    const { store } = await open();
    for (const number of [3, 1, 2]) await store.push(message(number));
    assert.deepEqual(await idsOf(store), ids(3, 1, 2));
    const seqs = (await pullAll(store)).map(({ seq }) => seq);
    assert.ok(seqs.every((seq, index) => Number.isSafeInteger(seq) && seq > (seqs[index - 1] ?? 0)));
  },

  async 'pages of any size, one after the other, hold every message once'(open) {
    const { store } = await open();
    await pushNumbers(store, 10);
    const all = await idsOf(store);
    for (const messagesMax of [1, 2, 3, 5, 9, 10, 11]) {
      const seen: string[] = [];
      let afterSeq = 0;
      for (;;) {
        const page = await store.pull('alice', afterSeq, { ...wide, messagesMax });
        seen.push(...page.messages.map((kept) => kept.messageId));
        assert.equal(page.remaining, 10 - page.messages.length);
        assert.equal(page.more, seen.length < 10);
        if (!page.more) break;
        assert.equal(page.messages.length, messagesMax);
        afterSeq = page.messages.at(-1)?.seq ?? Number.NaN;
      }
      assert.deepEqual(seen, all);
    }
  },

  async 'a cursor goes on working after the message that it points at is gone'(open) {
    const { store } = await open();
    await pushNumbers(store, 4);
    const page = await store.pull('alice', 0, { ...wide, messagesMax: 2 });
    const afterSeq = page.messages[1]?.seq ?? 0;
    await store.ack('alice', page.messages.map(keyOf));
    const next = await store.pull('alice', afterSeq, wide);
    assert.deepEqual(
      next.messages.map((kept) => kept.messageId),
      ids(2, 3),
    );
    await store.ack('alice', next.messages.map(keyOf));
    assert.deepEqual(await store.pull('alice', afterSeq, wide), { messages: [], more: false, remaining: 0 });
    await store.push(message(9));
    const later = await store.pull('alice', next.messages[1]?.seq ?? 0, wide);
    assert.deepEqual(
      later.messages.map((kept) => kept.messageId),
      ids(9),
    );
  },

  async 'a cursor past the end gives an empty page that still counts the rest'(open) {
    const { store } = await open();
    await pushNumbers(store, 3);
    const last = (await pullAll(store)).at(-1)?.seq ?? 0;
    for (const afterSeq of [last, last + 1, Number.MAX_SAFE_INTEGER, 2 ** 64]) {
      assert.deepEqual(await store.pull('alice', afterSeq, wide), {
        messages: [],
        more: false,
        remaining: 3,
      });
    }
  },

  async 'a page ends before its bytes budget is passed'(open) {
    const { store } = await open();
    await pushNumbers(store, 5, 10);
    for (const [bytesMax, length] of [
      [19, 1],
      [20, 2],
      [29, 2],
      [50, 5],
      [51, 5],
    ] as const) {
      const page = await store.pull('alice', 0, { messagesMax: 100, bytesMax });
      assert.equal(page.messages.length, length, `budget of ${bytesMax}`);
      assert.equal(page.more, length < 5);
      assert.equal(page.remaining, 5 - length);
    }
  },

  async 'a page holds at least one message, however large'(open) {
    const { store } = await open();
    await store.push(message(1, { payload: Buffer.alloc(1_000) }));
    await store.push(message(2, { payload: Buffer.alloc(1) }));
    const page = await store.pull('alice', 0, { messagesMax: 100, bytesMax: 1 });
    assert.deepEqual(
      page.messages.map((kept) => kept.payload.length),
      [1_000],
    );
    assert.deepEqual([page.more, page.remaining], [true, 1]);
  },

  async 'holes do not make a page short'(open) {
    const { store } = await open();
    await pushNumbers(store, 200, 1);
    const gone = Array.from({ length: 150 }, (_, index) => keyOf(message(index + 25)));
    await store.ack('alice', gone);
    const page = await store.pull('alice', 0, { ...wide, messagesMax: 40 });
    assert.equal(page.messages.length, 40);
    assert.deepEqual([page.more, page.remaining], [true, 10]);
  },

  async 'a pull changes nothing'(open) {
    const { store } = await open();
    await pushNumbers(store, 3);
    const first = await pullAll(store);
    assert.deepEqual(await pullAll(store), first);
    assert.equal(store.figures().messages, 3);
  },

  async 'a message that is too long to be given whole comes in pieces, alone on its page'(open) {
    const { store } = await open();
    const payload = Buffer.from(Array.from({ length: LONG_BYTES }, (_, index) => index % 251));
    const long = message(2, { payload });
    for (const each of [message(1), long, message(3)]) await store.push(each);
    const first = await store.pull('alice', 0, narrow);
    assert.equal(first.long, undefined);
    const page = await store.pull('alice', first.messages[0]?.seq ?? 0, narrow);
    assert.deepEqual([page.messages, page.more, page.remaining], [[], true, 2]);
    assert.ok(page.long);
    const { pieces: _, payloadBytes, ...said } = page.long;
    assert.equal(payloadBytes, LONG_BYTES);
    for (const _time of ['first', 'second']) {
      assert.ok(payload.equals(Buffer.concat(await piecesOf(page.long))));
    }
    const { payload: whole, ...expected } = (await pullAll(store))[1] ?? message(0);
    assert.deepEqual(said, expected);
    assert.ok(payload.equals(whole));
    const next = await store.pull('alice', page.long.seq, narrow);
    assert.deepEqual(
      next.messages.map((kept) => kept.messageId),
      ids(3),
    );
  },

  async 'a message that goes while it is read in pieces is not read to its end'(open) {
    const { store } = await open();
    await store.push(message(1, { payload: Buffer.alloc(LONG_BYTES) }));
    const { long } = await store.pull('alice', 0, narrow);
    assert.ok(long);
    const pieces = long.pieces()[Symbol.asyncIterator]();
    assert.equal((await pieces.next()).done, false);
    await store.ack('alice', [keyOf(message(1))]);
    await rejectsWith('storage_error', pieces.next());
    assert.deepEqual(await piecesOf(long), []);
  },

  async 'a message that expires while it is read in pieces is not read to its end'(open) {
    const { store, clock } = await open({ messageTtlMs: 1_000n });
    await store.push(message(1, { payload: Buffer.alloc(LONG_BYTES) }));
    const { long } = await store.pull('alice', 0, narrow);
    assert.ok(long);
    const pieces = long.pieces()[Symbol.asyncIterator]();
    assert.equal((await pieces.next()).done, false);
    clock.advance(1_000);
    await rejectsWith('storage_error', pieces.next());
    assert.deepEqual(await piecesOf(long), []);
  },
};

/** The pieces of a payload, whose lengths are as promised. */
async function piecesOf(long: LongMessage): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of long.pieces()) pieces.push(Buffer.from(piece));
  assert.ok(pieces.slice(0, -1).every(({ length }) => length % 3 === 0));
  return pieces;
}
