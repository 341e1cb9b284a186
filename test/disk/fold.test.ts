import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeadReader } from '../../src/stores/disk/heads.ts';
import { ACK, MEMORY, PUSH } from '../../src/stores/disk/record.ts';
import { foldRows } from '../../src/stores/mailboxes/fold.ts';
import { LIVE, MEMORY as MEMORY_STATE } from '../../src/stores/mailboxes/slots.ts';
import { Table } from '../../src/stores/mailboxes/table.ts';
import { encode, type Given, sample } from './records.ts';

/** Records of few seqs, so that those of a key meet, and of as many keys as may be. */
function records(ids: number): fc.Arbitrary<Given> {
  return fc
    .record({
      kind: fc.constantFrom(PUSH, PUSH, ACK, MEMORY),
      recipient: fc.constantFrom('alice', 'bob', 'carol'),
      id: fc.nat(ids),
      chunkIndex: fc.nat(1),
      seq: fc.integer({ min: 1, max: 20 }),
      ms: fc.nat(9),
      deadlineMs: fc.nat(9),
      payloadBytes: fc.nat(9),
    })
    .map(({ id, deadlineMs, ...rest }) => ({
      ...sample,
      ...rest,
      words: [0, 0, 0, id],
      deadlineMs: BigInt(deadlineMs),
    }));
}

test('of the records of a key the one with the highest seq counts, and an ack of it more than its push', async () => {
  const drawn = fc.record({
    given: fc.array(records(5), { maxLength: 200 }),
    inMany: fc.boolean(),
    remembers: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ given, inMany, remembers }) => {
      check(await fold(given, { inMany, remembers }), expectedOf(given, remembers));
    }),
  );
});

for (const remembers of [true, false]) {
  test(`so does it where they are many${remembers ? '' : ', and acks are not remembered'}`, async () => {
    const given = fc.sample(records(8_000), { numRuns: 20_000, seed: 1 });
    const expected = expectedOf(given, remembers);
    for (const inMany of [true, false]) {
      const table = await fold(given, { inMany, remembers });
      if (inMany) while (table.orderMore(1_000) > 0) {}
      check(table, expected);
    }
  });
}

async function fold(
  given: readonly Given[],
  { inMany, remembers }: { inMany: boolean; remembers: boolean },
): Promise<Table> {
  const table = new Table(() => {});
  await table.inBulk(async () => {
    const bytes = Buffer.concat(given.map(encode));
    const heads = { bytes, count: given.length, from: { segment: 1, position: 0 } };
    new HeadReader(table, inMany).visit(heads, (rows, count) => foldRows(table, rows, count, remembers));
  });
  return table;
}

interface Kept extends Given {
  readonly isMemory: boolean;
  /** Where its last record stands, and how long that is. */
  readonly position: number;
  readonly bytes: number;
}

/** What is left of records that are told one after the other. */
function expectedOf(given: readonly Given[], remembers: boolean): Kept[] {
  const kept = new Map<string, Kept>();
  let position = 0;
  for (const each of given) {
    const key = JSON.stringify([each.recipient, each.words, each.chunkIndex]);
    const known = kept.get(key);
    const isMemory = each.kind !== PUSH;
    const place = { position, bytes: encode(each).length + (isMemory ? 0 : each.payloadBytes) };
    position += place.bytes;
    if (
      known !== undefined &&
      (known.seq > each.seq || (known.seq === each.seq && known.isMemory > isMemory))
    )
      continue;
    if (isMemory && !remembers) kept.delete(key);
    else if (known?.seq === each.seq && known.isMemory === isMemory) kept.set(key, { ...known, ...place });
    else kept.set(key, { ...each, isMemory, ...place });
  }
  return [...kept.values()];
}

function check(table: Table, expected: readonly Kept[]): void {
  const { slots, memories } = table;
  const messages = expected.filter(({ isMemory }) => !isMemory);
  assert.equal(table.messages, messages.length);
  assert.equal(table.bytes, sum(messages.map(({ payloadBytes }) => payloadBytes)));
  assert.equal(table.recordBytes, sum(expected.map(({ bytes }) => bytes)));
  assert.equal(table.mailboxes, new Set(expected.map(({ recipient }) => recipient)).size);
  assert.equal(table.due.first?.earliestMs, earliest(messages));
  for (const { recipient, words, chunkIndex, seq, isMemory, position, ms, deadlineMs } of expected) {
    const slot = table.find(table.mailboxFor(recipient), words, chunkIndex);
    assert.deepEqual(
      [slots.state.get(slot), slots.seq.get(slot), slots.position.get(slot), slots.ms.get(slot)],
      [isMemory ? MEMORY_STATE : LIVE, seq, position, isMemory ? ms : Number(deadlineMs)],
    );
  }
  for (const recipient of new Set(expected.map((each) => each.recipient))) {
    const mailbox = table.mailboxFor(recipient);
    const own = messages.filter((each) => each.recipient === recipient);
    const bytes = sum(own.map(({ payloadBytes }) => payloadBytes));
    assert.deepEqual(
      [mailbox.messages, mailbox.plannedMessages, mailbox.bytes, mailbox.plannedBytes, mailbox.earliestMs],
      [own.length, own.length, bytes, bytes, earliest(own) ?? Number.POSITIVE_INFINITY],
    );
    assert.equal(mailbox.slots, expected.filter((each) => each.recipient === recipient).length);
    const seqs: number[] = [];
    slots.order.visitAfter(table.rootOf(mailbox), 0, (slot) => seqs.push(slots.seq.get(slot)) > 0);
    assert.deepEqual(
      seqs,
      own.map(({ seq }) => seq).sort((a, b) => a - b),
    );
  }
  const listed: number[][] = [];
  for (let slot = memories.oldest; slot !== 0; slot = slots.newer.get(slot))
    listed.push([slots.ms.get(slot), slots.seq.get(slot)]);
  const remembered = expected.filter(({ isMemory }) => isMemory).map(({ ms, seq }) => [ms, seq] as const);
  assert.deepEqual(
    listed,
    remembered.sort(([ms, seq], [otherMs, otherSeq]) => ms - otherMs || seq - otherSeq),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

/** When the first of messages is due. */
function earliest(messages: readonly Kept[]): number | undefined {
  return messages.length === 0
    ? undefined
    : Math.min(...messages.map(({ deadlineMs }) => Number(deadlineMs)));
}
