import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File, Files } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { gate } from '../fixtures.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits, keyOf, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';
import { SEGMENT_BYTES } from './stores.ts';

/** What happens to a store while something of it takes more than a turn of the event loop. */

const limits = { ...contractLimits, messagesPerMailboxMax: 10_000 };

test('a pull that waits for many to expire sees all of an ack or nothing of it', async (t) => {
  const clock = new TestClock();
  let held: ReturnType<typeof gate> | undefined;
  const files = new MemoryFiles().wrapped((file: File) => ({
    ...file,
    async write(pieces, position) {
      const written = await file.write(pieces, position);
      await held?.pass();
      return written;
    },
  }));
  const store = await openDiskStore({ path: '', files, clock, limits });
  t.after(() => store.close());
  const numbers = (from: number): number[] => Array.from({ length: 1_500 }, (_, index) => from + index);
  await Promise.all(numbers(0).map((number) => store.push(message(number))));
  clock.advance(Number(limits.messageTtlMs) / 2);
  const acked = numbers(10_000).map((number) => message(number));
  await Promise.all(acked.map((one) => store.push(one)));

  const writing = gate();
  held = writing;
  const ack = store.ack('alice', acked.map(keyOf));
  await writing.isReached;
  held = undefined;
  clock.advance(Number(limits.messageTtlMs) / 2);
  const pull = pullAll(store);
  writing.open();
  assert.equal((await ack).deleted, 1_500);
  const seen = (await pull).length;
  assert.ok(seen === 0 || seen === 1_500, `${seen} messages`);
});

test('who comes while acks of many keys wait does not wait for more than one of them', async (t) => {
  const store = await openDiskStore({ path: '', files: new MemoryFiles(), limits });
  t.after(() => store.close());
  const keys = Array.from({ length: 5_000 }, (_, number) => keyOf(message(number)));
  const order: string[] = [];
  const acks = Array.from({ length: 4 }, () => store.ack('alice', keys).then(() => order.push('ack')));
  await new Promise(setImmediate);
  for (const what of ['first', 'second']) {
    const before = order.length;
    await store.push(message(order.length));
    order.push(what);
    assert.ok(order.length - before <= 2, order.join());
  }
  await Promise.all(acks);
});

test('acks of many keys get on while others come without end', async (t) => {
  const store = await openDiskStore({ path: '', files: new MemoryFiles(), limits });
  t.after(() => store.close());
  const keys = Array.from({ length: 5_000 }, (_, number) => keyOf(message(number)));
  let isAcked = false;
  const pushing = Array.from({ length: 2 }, async (_, from) => {
    for (let number = from; !isAcked; number += 2) await store.push(message(number));
  });
  await Promise.all(Array.from({ length: 4 }, () => store.ack('bob', keys)));
  isAcked = true;
  await Promise.all(pushing);
});

test('a message arrives when it is decided, not when a segment for it began to be made', async (t) => {
  const clock = new TestClock();
  let held: ReturnType<typeof gate> | undefined;
  const memory = new MemoryFiles();
  const files: Files = {
    ...memory.wrapped((file) => file),
    async create(name) {
      await held?.pass();
      return memory.create(name);
    },
  };
  const store = await openDiskStore({ path: '', files, clock, limits, segmentBytes: SEGMENT_BYTES });
  t.after(() => store.close());
  const making = gate();
  held = making;
  let isMade = false;
  const filling = (async () => {
    for (let number = 0; !isMade; number++)
      await store.push(message(number, { payload: Buffer.alloc(20_000) }));
  })();
  await making.isReached;
  // The spare that is there is used up, and the next push waits for the one that is being made.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  clock.advance(5_000);
  const askedMs = clock.wallMs();
  const late = store.push(message(1_000, { recipient: 'bob' }));
  isMade = true;
  held = undefined;
  making.open();
  await Promise.all([late, filling]);
  assert.equal((await pullAll(store, 'bob'))[0]?.arrivalMs, askedMs);
});

test('a read of the cleaner that fails is told once, however many batches were written meanwhile', async (t) => {
  const lines: string[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (_: object, line: string) => lines.push(line) };
  const memory = new MemoryFiles();
  const reading = gate();
  let isFailing = true;
  const files: Files = {
    ...memory.wrapped((file) => file),
    async open(name, access) {
      if (isFailing && access === 'read') {
        await reading.pass();
        throw new Error('EMFILE');
      }
      return memory.open(name);
    },
  };
  const store = await openDiskStore({
    path: '',
    files,
    limits: { ...limits, dedupWindowMs: 0 },
    log,
    segmentBytes: SEGMENT_BYTES,
  });
  t.after(() => store.close());
  await store.push(message(0));
  let isReading = false;
  void reading.isReached.then(() => {
    isReading = true;
  });
  const pushAndAck = async (number: number): Promise<void> => {
    const pushed = message(number, { payload: Buffer.alloc(20_000) });
    await store.push(pushed);
    await store.ack('alice', [keyOf(pushed)]);
  };
  let number = 1;
  for (; !isReading; number++) await pushAndAck(number);
  for (let more = 0; more < 20; more++) await pushAndAck(number++);
  reading.open();
  while (lines.length === 0) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  isFailing = false;
  assert.deepEqual(lines, ['the cleaner could not read; it tries again in a minute']);
});
