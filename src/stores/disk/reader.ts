import { crc32 } from 'node:zlib';
import { pageBuffers } from '../../buffer-pool.ts';
import type { Slots } from '../mailboxes/slots.ts';
import type { File } from './files.ts';
import type { Recent } from './recent.ts';
import { expectedPayloadCrc, isPush, type RecordHead, readHead } from './record.ts';
import type { Segments } from './segments.ts';

/** Neighbours that are less than this apart are read in one go. */
const GAP_BYTES_MAX = 65_536;
const RUN_BYTES_MAX = 1 << 20;

/** A message's record as it stands in the log, checked. */
export interface ReadRecord {
  readonly record: Buffer;
  readonly head: RecordHead;
}

/** Where a slot's record stands, and what it must say. */
interface Wanted {
  readonly index: number;
  readonly seq: number;
  readonly recipient: string;
  readonly segment: number;
  readonly position: number;
  readonly bytes: number;
}

export interface ReadRecords {
  /** In the order of their slots; undefined for one that is not what its slot says, or that the disk does not give. */
  readonly records: readonly (ReadRecord | undefined)[];
  /** For who is done with the records early: others are read into their memory from then on. */
  readonly release: () => void;
}

export interface Reader {
  /**
   * Reads the records of live messages. Where they stand is looked up before anything is awaited, and their segments stay where
   * they are until they are read.
   */
  read(slots: readonly number[], recipientOf: (slot: number) => string): Promise<ReadRecords>;
}

export function createReader(segments: Segments, recent: Recent, slots: Slots): Reader {
  return {
    async read(wantedSlots, recipientOf) {
      const wanted = wantedSlots.map((slot, index) => ({
        index,
        seq: slots.seq.get(slot),
        recipient: recipientOf(slot),
        segment: slots.segment.get(slot),
        position: slots.position.get(slot),
        bytes: slots.recordBytes.get(slot),
      }));
      const records: (ReadRecord | undefined)[] = new Array(wanted.length).fill(undefined);
      const buffers: Buffer[] = [];
      const runs = runsOf(wanted).filter((run) => !findRun(recent, run, records, buffers));
      await Promise.all(runs.map((run) => readRun(segments, run, records, buffers)));
      const release = (): void => {
        for (const buffer of buffers) pageBuffers.give(buffer);
      };
      return { records, release };
    },
  };
}

/** Groups of neighbours, each read in one go. */
function runsOf(wanted: Wanted[]): Wanted[][] {
  wanted.sort((a, b) => a.segment - b.segment || a.position - b.position);
  const runs: Wanted[][] = [];
  let run: Wanted[] = [];
  let end = 0;
  for (const each of wanted) {
    const first = run[0];
    const joins =
      first !== undefined &&
      first.segment === each.segment &&
      each.position - end < GAP_BYTES_MAX &&
      each.position + each.bytes - first.position <= RUN_BYTES_MAX;
    if (!joins) {
      run = [];
      runs.push(run);
    }
    run.push(each);
    end = each.position + each.bytes;
  }
  return runs;
}

/** Takes the records of a run from memory; false if they are not all there, and good. */
function findRun(
  recent: Recent,
  run: readonly Wanted[],
  found: (ReadRecord | undefined)[],
  buffers: Buffer[],
): boolean {
  const { segment, from, to } = extentOf(run);
  const written = recent.find(segment, from, to);
  if (written === undefined) return false;
  const bytes = pageBuffers.take(to - from);
  buffers.push(bytes);
  written.copy(bytes);
  return run.every((each) => {
    const at = each.position - from;
    found[each.index] = checkRecord(bytes.subarray(at, at + each.bytes), each);
    return found[each.index] !== undefined;
  });
}

async function readRun(
  segments: Segments,
  run: readonly Wanted[],
  found: (ReadRecord | undefined)[],
  buffers: Buffer[],
): Promise<void> {
  const { segment, from, to } = extentOf(run);
  await segments.use(segment, async (file) => {
    const bytes = await readBytes(file, from, to, buffers);
    for (const each of run) {
      const at = each.position - from;
      // What the disk does not give for the whole run may be one bad page.
      const record =
        bytes?.subarray(at, at + each.bytes) ??
        (await readBytes(file, each.position, each.position + each.bytes, buffers));
      found[each.index] = record && checkRecord(record, each);
    }
  });
}

function extentOf(run: readonly Wanted[]): { segment: number; from: number; to: number } {
  const [first, last] = [run[0] as Wanted, run.at(-1) as Wanted];
  return { segment: first.segment, from: first.position, to: last.position + last.bytes };
}

/** The bytes between two positions, as far as the file has them; undefined if the disk does not give them. */
async function readBytes(
  file: File,
  from: number,
  to: number,
  buffers: Buffer[],
): Promise<Buffer | undefined> {
  const bytes = pageBuffers.take(to - from);
  buffers.push(bytes);
  try {
    return bytes.subarray(0, await file.read(bytes, from));
  } catch {
    return undefined;
  }
}

/** A record, if it is the one that is wanted and every byte of it is as it was written. */
export function checkRecord(
  record: Buffer,
  wanted: Pick<Wanted, 'seq' | 'recipient'>,
): ReadRecord | undefined {
  const head = readWantedHead(record, record.length, wanted);
  if (head === undefined) return undefined;
  const isGood = crc32(record.subarray(head.headBytes)) === expectedPayloadCrc(record, 0, head);
  return isGood ? { record, head } : undefined;
}

/** The head of a message's record of this length, if it is the one that is wanted; its checksum is not looked at. */
export function readWantedHead(
  record: Buffer,
  recordBytes: number,
  { seq, recipient }: Pick<Wanted, 'seq' | 'recipient'>,
): RecordHead | undefined {
  const head = readHead(record, 0);
  if (head === undefined || !isPush(head) || head.seq !== seq || head.recipient !== recipient)
    return undefined;
  return head.headBytes + head.keptBytes === recordBytes ? head : undefined;
}
