import { crc32 } from 'node:zlib';
import { RelayError } from '../../errors.ts';
import type { Log as Logger } from '../../log.ts';
import { foldAck, foldPush, sortMemories } from '../mailboxes/fold.ts';
import type { Place, Table } from '../mailboxes/table.ts';
import { PAGE_BYTES, padded } from './batch.ts';
import { type File, type Files, writeWhole } from './files.ts';
import { ACK, END, MEMORY } from './record.ts';
import { batchesOfIndex, type FoundBatch, Scanner } from './scan.ts';
import {
  decodeSegmentHead,
  FIRST_BATCH,
  readSeal,
  type SegmentHead,
  segmentName,
  segmentNumber,
} from './segment.ts';

/** What the files say. */
export interface Recovered {
  /** Those that count, in order. */
  readonly segments: readonly SegmentHead[];
  /** Numbers whose files do not count any more, or never did. */
  readonly dead: readonly number[];
  readonly oldest: number;
  /** Where the next batch goes, in the last segment. */
  readonly end: number;
  /** The last batch. */
  readonly last: FoundBatch | undefined;
  readonly nextSeq: number;
  readonly timeMs: number;
}

/**
 * Folds the log of a directory into an empty table. Changes no file. Undefined if there is no log yet; throws
 * `storage_error` with the file and the offset for one that is not as this program left it.
 */
export async function recover(
  files: Files,
  table: Table,
  remembers: boolean,
  logger: Logger,
): Promise<Recovered | undefined> {
  const heads = await readHeads(files);
  const lastHead = heads.at(-1);
  if (lastHead === undefined) return undefined;
  const tail = await readTail(files, lastHead, logger);
  const oldest = tail.last?.frame.oldest ?? lastHead.oldest;
  const ends = chainOf(heads, lastHead, oldest);
  const recovery = new Recovery(table, remembers, lastHead);
  const segments = heads.filter(({ number }) => ends.has(number) && number >= oldest);
  for (const head of segments) {
    const end = ends.get(head.number);
    const fold = (batch: FoundBatch): void => recovery.fold(head.number, batch);
    if (end === undefined) tail.batches.forEach(fold);
    else await readSealed(files, head, end, fold);
  }
  sortMemories(table);
  const dead = heads
    .map(({ number }) => number)
    .filter((number) => !segments.some((head) => head.number === number));
  return {
    segments,
    dead,
    oldest,
    end: tail.end,
    last: tail.last,
    nextSeq: recovery.nextSeq,
    timeMs: recovery.timeMs,
  };
}

/**
 * Writes the last batch again and flushes it. It was read from the page cache: a killed process may have written it and
 * not have flushed it, and what is built on it must not outlive it.
 */
export async function rewriteLast(file: File, scanner: Scanner, batch: FoundBatch): Promise<void> {
  await writeWhole(file, [await scanner.bytesOf(batch)], batch.position);
  await file.flush();
}

class Recovery {
  readonly #table: Table;
  readonly #remembers: boolean;
  nextSeq: number;
  timeMs: number;

  constructor(table: Table, remembers: boolean, { nextSeq, timeMs }: SegmentHead) {
    this.#table = table;
    this.#remembers = remembers;
    this.nextSeq = nextSeq;
    this.timeMs = timeMs;
  }

  fold(segment: number, { frame, records }: FoundBatch): void {
    this.nextSeq = Math.max(this.nextSeq, frame.nextSeq);
    this.timeMs = Math.max(this.timeMs, frame.timeMs);
    for (const { head, position } of records) {
      if (head.kind === END) continue;
      const place: Place = { segment, position, bytes: head.headBytes + head.keptBytes };
      if (head.kind === ACK || head.kind === MEMORY)
        foldAck(this.#table, head, head.ms, this.#remembers, place);
      else foldPush(this.#table, head, Number(head.deadlineMs), head.payloadBytes, place);
    }
  }
}

async function readHeads(files: Files): Promise<SegmentHead[]> {
  const names = (await files.list()).filter((name) => segmentNumber(name) !== undefined).sort();
  const heads: SegmentHead[] = [];
  for (const name of names) heads.push(await withFile(files, name, (file) => readSegmentHead(file, name)));
  return heads;
}

async function readSegmentHead(file: File, name: string): Promise<SegmentHead> {
  const page = Buffer.alloc(PAGE_BYTES);
  const read = await file.read(page, 0);
  const head = decodeSegmentHead(page.subarray(0, read));
  if (head === undefined) throw corrupt(name, 0, 'its head is not one that this program writes');
  if (head.number !== segmentNumber(name))
    throw corrupt(name, 0, `its head says that it is segment ${head.number}`);
  if (head.bytes !== (await file.size()))
    throw corrupt(name, 0, `its head says that it has ${head.bytes} bytes`);
  return head;
}

/**
 * Where the segments before the last one end: each head names the last flushed position before it, and what lies
 * between is void. A segment in this chain that is not there is missing.
 */
function chainOf(
  heads: readonly SegmentHead[],
  last: SegmentHead,
  oldest: number,
): Map<number, number | undefined> {
  const byNumber = new Map(heads.map((head) => [head.number, head]));
  const ends = new Map<number, number | undefined>([[last.number, undefined]]);
  for (let head = last; head.flushed.segment >= oldest && head.flushed.segment > 0; ) {
    const { segment, position } = head.flushed;
    const before = byNumber.get(segment);
    if (before === undefined)
      throw corrupt(segmentName(segment), 0, `it is missing, and ${segmentName(head.number)} follows it`);
    ends.set(segment, position);
    head = before;
  }
  return ends;
}

/** Folds the batches of a segment that has a successor: all of them were flushed, so all must be good. */
async function readSealed(
  files: Files,
  head: SegmentHead,
  end: number,
  fold: (batch: FoundBatch) => void,
): Promise<void> {
  const name = segmentName(head.number);
  await withFile(files, name, async (file) => {
    const saltCrc = crc32(head.salt);
    const index = (await readSeal(file, head.bytes, saltCrc))?.index;
    const indexed = index === undefined ? undefined : batchesOfIndex(index, saltCrc);
    if (indexed !== undefined && endOf(indexed) === end) {
      indexed.forEach(fold);
      return;
    }
    const scanner = new Scanner(file, head.bytes, saltCrc);
    for (let position = FIRST_BATCH; position < end; ) {
      const batch = await scanner.batchAt(position);
      if (batch === undefined) throw corrupt(name, position, 'a batch is damaged');
      fold(batch);
      position += padded(batch.frame.length);
    }
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

/** The batches of the last segment. Only its last batch can be torn; a good one behind a bad one is corruption. */
async function readTail(
  files: Files,
  head: SegmentHead,
  logger: Logger,
): Promise<{ batches: FoundBatch[]; last: FoundBatch | undefined; end: number }> {
  const name = segmentName(head.number);
  return withFile(files, name, async (file) => {
    const saltCrc = crc32(head.salt);
    if ((await readSeal(file, head.bytes, saltCrc)) !== undefined) {
      throw corrupt(name, head.bytes, 'it is sealed, so a segment that followed it is missing');
    }
    const scanner = new Scanner(file, head.bytes, saltCrc);
    const batches: FoundBatch[] = [];
    let end = FIRST_BATCH;
    for (;;) {
      const batch = await scanner.batchAt(end);
      if (batch === undefined) break;
      batches.push(batch);
      end += padded(batch.frame.length);
    }
    const behind = await scanner.findBatch(end + PAGE_BYTES);
    if (behind !== undefined)
      throw corrupt(name, end, `a batch is damaged, and a good one follows at ${behind.position}`);
    const last = batches.at(-1);
    const torn = last !== undefined && !(await scanner.areGood(last)) ? batches.pop() : undefined;
    if (torn !== undefined) end = torn.position;
    const dropped = torn?.frame ?? (await scanner.frameAt(end));
    if (dropped !== undefined) {
      logger.warn(
        { file: name, offset: end, bytes: dropped.length },
        'a batch that was never answered is torn; dropped',
      );
    }
    return { batches, last: batches.at(-1), end };
  });
}

function corrupt(name: string, offset: number, what: string): RelayError {
  return new RelayError(
    'storage_error',
    `${name} at ${offset}: ${what}. The store is not opened, so that nothing is lost: bring the file back from a copy of ` +
      'the whole directory, or give another storage path and keep this one.',
  );
}

async function withFile<Result>(
  files: Files,
  name: string,
  job: (file: File) => Promise<Result>,
): Promise<Result> {
  const file = await files.open(name, 'read');
  try {
    return await job(file);
  } finally {
    await file.close();
  }
}
