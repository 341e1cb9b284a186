import { crc32 } from 'node:zlib';
import { foldRows } from '../mailboxes/fold.ts';
import type { SlotRows } from '../mailboxes/slots.ts';
import type { Table } from '../mailboxes/table.ts';
import { FRAME_BYTES, padded } from './batch.ts';
import type { Findings } from './damage.ts';
import { type File, type ReadableFiles, readWhole, withFile, writeWhole } from './files.ts';
import { HeadReader } from './heads.ts';
import { type Extent, readLayout, visitBatches, type Written } from './layout.ts';
import { batchesOfIndex, type FoundBatch, type FoundFrame, Scanner } from './scan.ts';
import { FIRST_BATCH, readSeal, type SegmentHead, segmentName } from './segment.ts';

/** The heads of a shorter log cost less to read without WebAssembly than its memory costs: 6 MiB, and V8 looks through its heap sooner. */
const LONG_BYTES = 4 << 20;

/** What the files say. */
export interface Recovered {
  /** Those that count, in order, and where each one ends; in the last one the next batch goes there. */
  readonly segments: readonly (SegmentHead & { readonly end: number })[];
  /** Numbers whose files do not count any more, or never did. */
  readonly dead: readonly number[];
  readonly oldest: number;
  /** The last batch, if there is one in the last segment. */
  readonly last: FoundFrame | undefined;
  /** Whether the log ends with a close. */
  readonly isClosed: boolean;
  readonly nextSeq: number;
  readonly timeMs: number;
}

/**
 * Folds the log of a directory into an empty table. Changes no file. Undefined if there is no log yet. What is not as this
 * program left it is told to `findings`; where they let it, it goes on with the rest.
 */
export async function recover(
  files: ReadableFiles,
  table: Table,
  remembers: boolean,
  findings: Findings,
  written?: Written,
): Promise<Recovered | undefined> {
  const layout = await readLayout(files, findings, written);
  if (layout === undefined) return undefined;
  const bytes = layout.segments.reduce((sum, { head, end }) => sum + (end ?? head.bytes), 0);
  const recovery = new Recovery(table, remembers, bytes > LONG_BYTES);
  const segments = await table.inBulk(async () => {
    const read: (SegmentHead & { end: number })[] = [];
    for (const extent of layout.segments) {
      const { head } = extent;
      recovery.begin(head);
      const end = await readSegment(files, extent, findings, (batch) => recovery.fold(head.number, batch));
      read.push({ ...head, end });
    }
    return read;
  });
  const { last, isClosed, nextSeq, timeMs } = recovery;
  return { segments, dead: layout.dead, oldest: layout.oldest, last, isClosed, nextSeq, timeMs };
}

/**
 * Writes the last batch again and flushes it. It was read from the page cache: a killed process may have written it and
 * not have flushed it, and what is built on it must not outlive it.
 */
export async function rewriteLast(file: File, { position, frame }: FoundFrame): Promise<void> {
  const batch = Buffer.alloc(padded(frame.length));
  await readWhole(file, batch, position);
  await writeWhole(file, [batch], position);
  await file.flush();
}

class Recovery {
  readonly #heads: HeadReader;
  readonly #fold: (rows: SlotRows, count: number) => void;
  last: FoundFrame | undefined;
  isClosed = false;
  nextSeq = 0;
  timeMs = 0;

  constructor(table: Table, remembers: boolean, isLong: boolean) {
    this.#heads = new HeadReader(table, isLong);
    this.#fold = (rows, count) => foldRows(table, rows, count, remembers);
  }

  begin({ nextSeq, timeMs }: SegmentHead): void {
    this.last = undefined;
    this.isClosed = false;
    this.nextSeq = Math.max(this.nextSeq, nextSeq);
    this.timeMs = Math.max(this.timeMs, timeMs);
  }

  fold(segment: number, { position, frame, heads }: FoundBatch): void {
    this.last = { position, frame };
    this.nextSeq = Math.max(this.nextSeq, frame.nextSeq);
    this.timeMs = Math.max(this.timeMs, frame.timeMs);
    const from = { segment, position: position + FRAME_BYTES };
    this.isClosed = this.#heads.visit({ bytes: heads, count: frame.records, from }, this.#fold);
  }
}

/** Visits the batches of a segment, of its index where that is whole; returns where they end. */
async function readSegment(
  files: ReadableFiles,
  { head, end, batches }: Extent,
  findings: Findings,
  visit: (batch: FoundBatch) => void,
): Promise<number> {
  if (batches !== undefined) {
    batches.forEach(visit);
    return end as number;
  }
  const name = segmentName(head.number);
  return withFile(files.open(name, 'read'), async (file) => {
    const saltCrc = crc32(head.salt);
    const seal = await readSeal(file, head.bytes, saltCrc);
    const indexed = seal?.index && batchesOfIndex(seal.index, saltCrc);
    const indexedEnd = indexed && endOf(indexed);
    if (indexedEnd !== undefined && indexedEnd === (end ?? indexedEnd)) {
      indexed?.forEach(visit);
      return indexedEnd;
    }
    const scanner = new Scanner(file, seal?.position ?? head.bytes, saltCrc);
    return visitBatches(scanner, name, end, findings, visit);
  });
}

/** Where a run of batches that begins with the segment's first one ends; undefined if one does not follow the other. */
function endOf(batches: readonly FoundBatch[]): number | undefined {
  let end = FIRST_BATCH;
  for (const { position, frame } of batches) {
    if (position !== end) return undefined;
    end += padded(frame.length);
  }
  return end;
}
