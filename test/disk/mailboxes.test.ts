import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Due, DueQueue } from '../../src/stores/mailboxes/due.ts';
import { Keys } from '../../src/stores/mailboxes/keys.ts';
import { Order } from '../../src/stores/mailboxes/order.ts';
import { uuidText, uuidWords } from '../../src/stores/mailboxes/uuid.ts';

const SLOTS = 200;

test('an order finds what follows a seq and what is due, whatever was inserted and removed before', () => {
  const step = fc.record({ slot: fc.integer({ min: 1, max: SLOTS - 1 }), deadlineMs: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.nat(SLOTS), fc.nat(50), (steps, afterSeq, nowMs) => {
      const order = new Order();
      order.reserve(0);
      const kept = new Map<number, number>();
      let root = 0;
      for (const { slot, deadlineMs } of steps) {
        if (kept.delete(slot)) {
          root = order.remove(root, slot);
          continue;
        }
        // Seqs in another order than slots.
        order.seq.set(slot, (slot * 77) % SLOTS);
        order.ms.set(slot, deadlineMs);
        root = order.insert(root, slot);
        kept.set(slot, deadlineMs);
      }
      const visited: number[] = [];
      order.visitAfter(root, afterSeq, (slot) => visited.push(order.seq.get(slot)) > 0);
      const expected = [...kept.keys()].map((slot) => order.seq.get(slot)).filter((each) => each > afterSeq);
      assert.deepEqual(
        visited,
        expected.sort((a, b) => a - b),
      );
      assert.equal(order.earliestMs(root), Math.min(...kept.values(), Number.POSITIVE_INFINITY));
      const due = order.firstDue(root, nowMs);
      assert.equal(
        due !== 0,
        [...kept.values()].some((deadlineMs) => deadlineMs <= nowMs),
      );
      assert.ok(due === 0 || (kept.get(due) as number) <= nowMs);
    }),
  );
});

test('an order that is built at once says what one says into which the same was put one by one', () => {
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: SLOTS - 1 }), { maxLength: 100 });
  fc.assert(
    fc.property(seqs, fc.boolean(), fc.nat(SLOTS), (drawn, isSorted, afterSeq) => {
      const order = new Order();
      order.reserve(0);
      const sorted = [...drawn].sort((a, b) => a - b);
      const slots = (isSorted ? sorted : drawn).map((each, index) => {
        order.seq.set(index + 1, each);
        order.ms.set(index + 1, (each * 7) % 50);
        return index + 1;
      });
      const root = order.build(Uint32Array.from(slots));
      const visited: number[] = [];
      order.visitAfter(root, afterSeq, (slot) => visited.push(order.seq.get(slot)) > 0);
      assert.deepEqual(
        visited,
        sorted.filter((each) => each > afterSeq),
      );
      const deadlines = slots.map((slot) => order.ms.get(slot));
      assert.equal(order.earliestMs(root), Math.min(...deadlines, Number.POSITIVE_INFINITY));
      const emptied = slots.reduce((left, slot) => order.remove(left, slot), root);
      assert.equal(emptied, 0);
    }),
  );
});

test('a key is found as long as it is there, however many others there are', () => {
  const key = fc.record({
    mailbox: fc.nat(2),
    words: fc.tuple(fc.nat(1), fc.nat(1), fc.constant(0), fc.nat(2)),
    chunkIndex: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(key, { maxLength: 400 }), (steps) => {
      const keys = new Keys();
      for (let slot = 0; slot <= steps.length; slot++) keys.reserve(slot);
      const slots = new Map<string, number>();
      steps.forEach((each, index) => {
        const { mailbox, words, chunkIndex } = each;
        const slot = index + 1;
        const name = JSON.stringify(each);
        const known = slots.get(name);
        assert.equal(keys.find(keys.rowOf(mailbox, words, chunkIndex)), known ?? 0);
        if (known !== undefined) {
          keys.remove(known);
          slots.delete(name);
          return;
        }
        keys.set(slot, keys.rowOf(mailbox, words, chunkIndex));
        keys.add(slot);
        slots.set(name, slot);
      });
    }),
  );
});

for (const inBulk of [false, true]) {
  test(`keys are found after the table has grown many times${inBulk ? ' in bulk' : ''}`, () => {
    const keys = new Keys();
    const rowOf = (slot: number) => keys.rowOf(slot % 7, [slot, 0, 0, 0xffff_ffff - slot], 0);
    const isThere = (slot: number) => slot % 2 === 0 && slot <= 20_000;
    for (let slot = 0; slot <= 40_000; slot++) keys.reserve(slot);
    const add = (from: number, to: number): void => {
      for (let slot = from; slot <= to; slot++) {
        keys.set(slot, rowOf(slot));
        keys.add(slot);
      }
    };
    if (inBulk) keys.beginBulk();
    add(1, 10_000);
    for (let slot = 1; slot <= 10_000; slot += 2) keys.remove(slot);
    add(10_001, 40_000);
    for (let slot = 10_001; slot <= 40_000; slot++) if (!isThere(slot)) keys.remove(slot);
    if (inBulk) keys.endBulk();
    for (let slot = 1; slot <= 40_000; slot++) assert.equal(keys.find(rowOf(slot)), isThere(slot) ? slot : 0);
    for (let slot = 1; slot <= 20_000; slot += 2) add(slot, slot);
    for (let slot = 1; slot <= 20_000; slot++) assert.equal(keys.find(rowOf(slot)), slot);
  });
}

test('a due queue gives the earliest first, however its entries move', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(9), fc.option(fc.nat(100))), { maxLength: 100 }), (moves) => {
      const queue = new DueQueue<Due>();
      const entries = Array.from({ length: 10 }, () => ({
        earliestMs: Number.POSITIVE_INFINITY,
        queueIndex: -1,
      }));
      for (const [index, ms] of moves) {
        const entry = entries[index] as Due;
        entry.earliestMs = ms ?? Number.POSITIVE_INFINITY;
        queue.update(entry);
        const least = Math.min(...entries.map(({ earliestMs }) => earliestMs));
        assert.equal(queue.first?.earliestMs ?? Number.POSITIVE_INFINITY, least);
      }
    }),
  );
});

test('a UUID comes back from its words', () => {
  fc.assert(fc.property(fc.uuid(), (uuid) => uuidText(uuidWords(uuid)) === uuid));
});
