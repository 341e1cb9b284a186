import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { Batch, padded } from '../../src/stores/disk/batch.ts';
import type { File } from '../../src/stores/disk/files.ts';
import { visitBatches } from '../../src/stores/disk/layout.ts';
import { ACK, pushHeadBytes } from '../../src/stores/disk/record.ts';
import { recordsOf, Scanner } from '../../src/stores/disk/scan.ts';
import { FIRST_BATCH } from '../../src/stores/disk/segment.ts';
import { MemoryFile } from './memory-file.ts';

const FILE_BYTES = 8 * 2 ** 20;
const SALT_CRC = crc32('salt');
const words = [1, 2, 3, 4] as const;

/** Of a batch: the lengths of its payloads, and how many acks follow them. */
interface Content {
  readonly lengths: readonly number[];
  readonly acks: number;
}

const contents = fc.array(
  fc.record({
    lengths: fc.array(fc.constantFrom(0, 10, 1_000, 20_000, 900_000, 1_500_000), { maxLength: 3 }),
    acks: fc.constantFrom(0, 3, 4_000),
  }),
  { minLength: 1, maxLength: 12 },
);

test('a scan that reads ahead finds every batch, and is done with its file at its end', async () => {
  await fc.assert(
    fc.asyncProperty(contents, async (batches) => {
      const file = new SlowFile(FILE_BYTES);
      const written = fill(file, batches);
      const found: unknown[] = [];
      const scanner = new Scanner(file, FILE_BYTES, SALT_CRC);
      const end = await visitBatches(scanner, 'file', written.end, noFindings, (batch) => {
        found.push({ at: batch.position, seqs: recordsOf(batch).map(({ head }) => head.seq) });
      });
      assert.deepEqual(found, written.batches);
      assert.deepEqual([end, file.reading], [written.end, 0]);
    }),
    { numRuns: 60 },
  );
});

test('while a scan looks at a batch, what follows is being read, and nothing twice', async () => {
  const file = new SlowFile(FILE_BYTES);
  const { end } = fill(file, new Array(300).fill({ lengths: [20_000], acks: 0 }));
  let readings = 0;
  await visitBatches(new Scanner(file, FILE_BYTES, SALT_CRC), 'file', end, noFindings, () => {
    if (file.reading > 0) readings++;
  });
  assert.ok(readings > 0);
  assert.ok(file.reads <= Math.ceil(end / 2 ** 20) + 2, `${file.reads} reads`);
});

test('a read ahead that fails is tried again once its turn has come', async () => {
  const file = new SlowFile(FILE_BYTES);
  const { end, batches } = fill(file, new Array(300).fill({ lengths: [20_000], acks: 0 }));
  // The first two windows are read when they are needed; the third is ahead, and so is the one behind its second try.
  file.failing.add(3).add(5);
  let count = 0;
  await visitBatches(new Scanner(file, FILE_BYTES, SALT_CRC), 'file', end, noFindings, () => {
    count++;
  });
  assert.deepEqual([count, file.failing.size], [batches.length, 0]);
});

const noFindings = {
  onDamage: () => assert.fail('there is no damage'),
  onTorn: () => assert.fail('nothing is torn'),
};

/** A file whose reads take a turn of the event loop. */
class SlowFile extends MemoryFile implements File {
  reading = 0;
  /** Which of its reads fail, counted from 1. */
  readonly failing = new Set<number>();
  reads = 0;

  override async read(into: Uint8Array, position: number): Promise<number> {
    const number = ++this.reads;
    this.reading++;
    await nextTurn();
    this.reading--;
    if (this.failing.delete(number)) throw new Error('EIO');
    return super.read(into, position);
  }
}

function fill(file: MemoryFile, contents: readonly Content[]) {
  const batch = new Batch(4096);
  const batches: { at: number; seqs: number[] }[] = [];
  let end = FIRST_BATCH;
  let seq = 0;
  for (const { lengths, acks } of contents) {
    batch.reset();
    const seqs: number[] = [];
    for (const length of lengths) {
      seqs.push(++seq);
      addPush(batch, seq, Buffer.alloc(length, seq));
    }
    for (let count = 0; count < acks; count++) {
      seqs.push(++seq);
      batch.addAck(ACK, { recipient: 'r'.repeat(50), words, chunkIndex: 0, seq, ms: 1 });
    }
    if (end + padded(batch.length) > FILE_BYTES) break;
    file.put(batch.encode({ oldest: 1, timeMs: 1, nextSeq: 1 }, SALT_CRC), end);
    batches.push({ at: end, seqs });
    end += padded(batch.length);
  }
  return { end, batches };
}

function addPush(batch: Batch, seq: number, payload: Buffer): void {
  const meta = { kind: 'text', totalLen: 1n, chunkIndex: 0, chunkCount: 1, sentMs: 1n };
  const sizes = { payloadBytes: payload.length, payloadCrc: crc32(payload) };
  const head = { recipient: 'alice', words, meta, seq, arrivalMs: 1, deadlineMs: 2n, ...sizes };
  batch.addPush(head, payload, pushHeadBytes('alice', 'text') as number);
}
