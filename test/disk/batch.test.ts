import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { Message } from '../../src/message.ts';
import { Batch, padded } from '../../src/stores/disk/batch.ts';
import { checkRecord } from '../../src/stores/disk/kept-record.ts';
import { ACK, ackBytes, MEMORY, type PushHead, pushHeadBytes } from '../../src/stores/disk/record.ts';
import { batchesOfIndex, recordsOf, Scanner } from '../../src/stores/disk/scan.ts';
import { FIRST_BATCH, IndexBuilder, readSeal } from '../../src/stores/disk/segment.ts';
import { uuidText } from '../../src/stores/mailboxes/uuid.ts';
import { MemoryFile } from './memory-file.ts';

const FILE_BYTES = 2 ** 18;
const SALT_CRC = crc32('salt');

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const words = fc.tuple(u32, u32, u32, u32);
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 80 })
  .filter((text) => Buffer.from(text).toString() === text);
const key = { recipient: name, words, chunkIndex: u32, seq: fc.maxSafeNat() };
const push = fc.record({
  ...key,
  kind: name,
  chunkCount: u32,
  totalLen: u64,
  sentMs: u64,
  arrivalMs: fc.maxSafeNat(),
  deadlineMs: u64,
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const ack = fc.record({ ...key, ms: fc.maxSafeNat(), kind: fc.constantFrom(ACK, MEMORY) });
type Push = typeof push extends fc.Arbitrary<infer Value> ? Value : never;
type Ack = typeof ack extends fc.Arbitrary<infer Value> ? Value : never;

test('what is put into a batch is read from it, and its frame says what it was told', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(push, { maxLength: 20 }),
      fc.array(ack, { maxLength: 20 }),
      async (pushes, acks) => {
        const { file, batch } = write(pushes, acks);
        const found = await new Scanner(file, FILE_BYTES, SALT_CRC).batchAt(FIRST_BATCH);
        assert.ok(found);
        assert.deepEqual(
          [found.frame.oldest, found.frame.timeMs, found.frame.nextSeq],
          [3, 2 ** 41, 2 ** 50],
        );
        assert.equal(found.frame.length, batch.length);
        const records = recordsOf(found);
        records.slice(0, pushes.length).forEach(({ head, position }, index) => {
          const message = messageOf(pushes[index] as Push);
          const record = checkRecord(file.bytes, position, {
            ...message,
            bytes: head.headBytes + head.keptBytes,
          });
          assert.ok(record);
          assert.deepEqual(record.message(), message);
        });
        const heads = records.slice(pushes.length).map(({ head }) => head);
        heads.forEach(({ kind, recipient, words, chunkIndex, seq, ms }, index) => {
          assert.deepEqual({ kind, recipient, words, chunkIndex, seq, ms }, { ...acks[index] });
        });
        assert.equal(heads.length, acks.length);
      },
    ),
    { numRuns: 200 },
  );
});

test('a batch of which any bit has changed is not taken for a good one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(push, { minLength: 1, maxLength: 4 }), fc.nat(), async (pushes, where) => {
      const { file, batch } = write(pushes, []);
      const bit = where % (8 * batch.length);
      const at = FIRST_BATCH + (bit >> 3);
      file.bytes.writeUInt8(file.bytes.readUInt8(at) ^ (1 << (bit & 7)), at);
      const scanner = new Scanner(file, FILE_BYTES, SALT_CRC);
      const found = await scanner.batchAt(FIRST_BATCH);
      assert.ok(found === undefined || !(await scanner.areGood(found)));
    }),
    { numRuns: 500 },
  );
});

test('a batch of very many acks is read whole, and those behind it too', async () => {
  const fileBytes = 2 ** 21;
  const file = new MemoryFile(fileBytes);
  const batch = new Batch(4096);
  const ackOf = (seq: number) => ({
    recipient: 'r'.repeat(50),
    words: [1, 2, 3, 4] as const,
    chunkIndex: 1,
    seq,
    ms: 1,
  });
  let end = FIRST_BATCH;
  for (const acks of [5_000, 3, 9_000]) {
    batch.reset();
    for (let seq = 1; seq <= acks; seq++) batch.addAck(ACK, ackOf(seq));
    file.put(batch.encode({ oldest: 1, timeMs: 1, nextSeq: 1 }, SALT_CRC), end);
    end += padded(batch.length);
  }
  const scanner = new Scanner(file, fileBytes, SALT_CRC);
  const counts: number[] = [];
  for (let at = FIRST_BATCH; at < end; ) {
    const found = await scanner.batchAt(at);
    assert.ok(found);
    const seqs = recordsOf(found).map(({ head }) => head.seq);
    assert.deepEqual(
      seqs,
      seqs.map((_seq, index) => index + 1),
    );
    counts.push(seqs.length);
    at += padded(found.frame.length);
  }
  assert.deepEqual(counts, [5_000, 3, 9_000]);
});

test('a batch of another life of the file is not taken for a good one', async () => {
  const { file } = write([], []);
  assert.equal(await new Scanner(file, FILE_BYTES, crc32('another')).batchAt(FIRST_BATCH), undefined);
});

test('a payload that looks like a batch is not found by a search', async () => {
  const { file: inner, batch: innerBatch } = write([], []);
  const disguised = Buffer.alloc(2 * 4096);
  // Wherever the payload begins, a copy of a frame stands on a page boundary of the file.
  for (let at = 0; at < 4096; at += 1)
    inner.bytes.copy(disguised, at, FIRST_BATCH, FIRST_BATCH + innerBatch.length);
  const foreign = crc32('another');
  const batch = new Batch(4096);
  batch.addPush(headOf(disguised), disguised, pushHeadBytes('r', 'k') as number);
  const file = new MemoryFile(FILE_BYTES);
  file.put(batch.encode({ oldest: 1, timeMs: 1, nextSeq: 1 }, foreign), FIRST_BATCH);
  assert.equal(await new Scanner(file, FILE_BYTES, foreign).findBatch(FIRST_BATCH + 4096), undefined);
});

test('the index of a segment says what a scan of it says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(push, { maxLength: 5 }), { maxLength: 5 }), async (batches) => {
      const file = new MemoryFile(FILE_BYTES);
      const index = new IndexBuilder(FILE_BYTES * 8);
      const batch = new Batch(FILE_BYTES);
      let end = FIRST_BATCH;
      for (const pushes of batches) {
        batch.reset();
        for (const each of pushes) batch.addPush(headOf(each.payload, each), each.payload, headBytesOf(each));
        file.put(batch.encode({ oldest: 1, timeMs: 1, nextSeq: 1 }, SALT_CRC), end);
        index.add(end, batch.outlineBytes, () => batch.outline());
        end += padded(batch.length);
      }
      const written = index.seal(SALT_CRC, FILE_BYTES - end);
      file.put([written], FILE_BYTES - written.length);
      const read = await readSeal(file, FILE_BYTES, SALT_CRC);
      const scanner = new Scanner(file, FILE_BYTES, SALT_CRC);
      const scanned = [];
      for (let at = FIRST_BATCH; at < end; ) {
        const found = await scanner.batchAt(at);
        assert.ok(found);
        scanned.push({ ...found, heads: Buffer.from(found.heads) });
        at += padded(found.frame.length);
      }
      assert.deepEqual(batchesOfIndex(read?.index as Buffer, SALT_CRC), scanned);
    }),
    { numRuns: 50 },
  );
});

function write(pushes: readonly Push[], acks: readonly Ack[]): { file: MemoryFile; batch: Batch } {
  const batch = new Batch(4096);
  for (const each of pushes) batch.addPush(headOf(each.payload, each), each.payload, headBytesOf(each));
  for (const each of acks) {
    const at = batch.addAck(each.kind, each);
    assert.equal(batch.length - at, ackBytes(each.recipient));
  }
  const file = new MemoryFile(FILE_BYTES);
  const pieces = batch.encode({ oldest: 3, timeMs: 2 ** 41, nextSeq: 2 ** 50 }, SALT_CRC);
  file.put(pieces, FIRST_BATCH);
  return { file, batch };
}

function headBytesOf({ recipient, kind }: Push): number {
  return pushHeadBytes(recipient, kind) as number;
}

function headOf(payload: Buffer, given?: Push): PushHead {
  const { recipient = 'r', kind = 'k', words = [0, 0, 0, 0], chunkIndex = 0, chunkCount = 1 } = given ?? {};
  const { totalLen = 0n, sentMs = 0n, seq = 1, arrivalMs = 1, deadlineMs = 2n } = given ?? {};
  const sizes = { payloadBytes: payload.length, payloadCrc: crc32(payload) };
  return {
    recipient,
    words,
    meta: { kind, chunkIndex, chunkCount, totalLen, sentMs },
    seq,
    arrivalMs,
    deadlineMs,
    ...sizes,
  };
}

function messageOf(given: Push): Message {
  const { recipient, kind, chunkIndex, chunkCount, totalLen, sentMs, seq, arrivalMs, deadlineMs, payload } =
    given;
  const meta = { kind, totalLen, chunkIndex, chunkCount, sentMs };
  return { recipient, messageId: uuidText(given.words), payload, meta, seq, arrivalMs, deadlineMs };
}
