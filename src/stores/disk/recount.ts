import { crc32 } from 'node:zlib';
import { LIVE } from '../mailboxes/slots.ts';
import type { Fact, Table } from '../mailboxes/table.ts';
import { Mailboxes } from '../mailboxes.ts';
import type { StoreLimits } from '../store.ts';
import type { Damage, Torn } from './damage.ts';
import { type ReadableFiles, withFile } from './files.ts';
import { checkRecord } from './kept-record.ts';
import { visitBatches, type Written } from './layout.ts';
import { type Recovered, recover } from './recovery.ts';
import { openScanner, recordsOf } from './scan.ts';
import { type LogPosition, segmentName } from './segment.ts';

/** What the files of a store hold, counted anew. */
export interface Recount {
  /** Segments that count. */
  readonly segments: number;
  readonly batches: number;
  /** Messages that have not expired. */
  readonly messages: number;
  /** Their payloads. */
  readonly bytes: number;
  /** Those with messages or remembered acks. */
  readonly mailboxes: number;
  /** Remembered acks. */
  readonly memories: number;
  /** Messages whose records are not what they were; they are not among `messages`. */
  readonly lost: number;
  readonly damage: readonly Damage[];
  readonly torn: Torn | undefined;
  /** Whether the log ends with a close. */
  readonly isClosed: boolean;
}

export interface RecountOptions {
  readonly limits: StoreLimits;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** For the files of a store that is open in this process. */
  readonly written?: Written;
  /** Called after damage was found that changing files could explain; throws if that is what it was. */
  readonly recheck?: () => Promise<void>;
  readonly onLost?: (fact: Fact) => void;
}

/** A stretch of a segment that is not what it was. */
interface Stretch {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
}

/** Folds the log as a start does, then reads every batch and every message at its place and checks each checksum. */
export async function recount(files: ReadableFiles, options: RecountOptions): Promise<Recount> {
  const { limits, now, written, recheck, onLost } = options;
  const damage: Damage[] = [];
  let torn: Torn | undefined;
  const findings = {
    onDamage: (each: Damage) => note(damage, each),
    onTorn: (each: Torn) => {
      torn = each;
    },
  };
  const counted = new Mailboxes(limits);
  const { table } = counted;
  const found = await recover(files, table, limits.dedupWindowMs > 0, findings, written);
  if (damage.length > 0) await recheck?.();
  const check = new Check(files, damage);
  for (const segment of found?.segments ?? []) await check.segment(segment);
  const dropDue = (): number =>
    counted.dropDue(Math.max(now(), found?.timeMs ?? 0), Number.POSITIVE_INFINITY);
  dropDue();
  const lost = await check.lostOf(table);
  for (const slot of lost) {
    onLost?.(table.factOf(slot));
    table.drop(slot);
  }
  dropDue();
  const { messages, bytes, mailboxes, memories } = table;
  return {
    segments: found?.segments.length ?? 0,
    batches: check.batches,
    messages,
    bytes,
    mailboxes,
    memories: memories.length,
    lost: lost.length,
    damage,
    torn,
    isClosed: found?.isClosed ?? true,
  };
}

class Check {
  readonly #files: ReadableFiles;
  readonly #damage: Damage[];
  readonly #badBatches: Stretch[] = [];
  readonly #badRecords: LogPosition[] = [];
  batches = 0;

  constructor(files: ReadableFiles, damage: Damage[]) {
    this.#files = files;
    this.#damage = damage;
  }

  /** Checks every checksum of a segment up to its end. */
  async segment({ number, bytes, salt, end }: Recovered['segments'][number]): Promise<void> {
    const name = segmentName(number);
    await withFile(this.#files.open(name, 'read'), async (file) => {
      const { seal, scanner } = await openScanner(file, bytes, crc32(salt));
      const onDamage = (each: Damage): void => {
        this.#badBatches.push({ segment: number, from: each.offset, to: each.offset + each.bytes });
        const isHidden = seal?.index !== undefined;
        const what = isHidden ? `${each.what}; a start reads the index instead` : each.what;
        note(this.#damage, { ...each, what, stopsStart: !isHidden });
      };
      await visitBatches(scanner, name, end, { onDamage }, async (batch) => {
        this.batches++;
        for (const record of recordsOf(batch)) {
          const { position } = record;
          if (!(await scanner.isGood(record))) this.#badRecords.push({ segment: number, position });
        }
      });
    });
  }

  /** The slots of messages whose records are not what they were; what else of that kind there is has been deleted since. */
  async lostOf(table: Table): Promise<number[]> {
    if (this.#badBatches.length + this.#badRecords.length === 0) return [];
    const lost: number[] = [];
    const { slots } = table;
    for (let slot = 1; slot < slots.end; slot++) {
      if (slots.state.get(slot) !== LIVE) continue;
      const place = slots.positionOf(slot);
      const isSuspect =
        this.#badRecords.some((each) => isSame(each, place)) ||
        this.#badBatches.some((each) => contains(each, place));
      if (!isSuspect) continue;
      const bytes = slots.recordBytes.get(slot);
      const record = Buffer.alloc(bytes);
      await withFile(this.#files.open(segmentName(place.segment), 'read'), (file) =>
        file.read(record, place.position),
      );
      const { recipient } = table.mailboxOf(slot);
      if (checkRecord(record, 0, { seq: slots.seq.get(slot), recipient, bytes }) === undefined)
        lost.push(slot);
    }
    const lostPlaces = lost.map((slot) => slots.positionOf(slot));
    for (const place of lostPlaces) this.#noteMessage(place, 'a message is damaged');
    for (const place of this.#badRecords) {
      if (!lostPlaces.some((each) => isSame(each, place)))
        this.#noteMessage(place, 'a message is damaged that was deleted or moved before');
    }
    return lost;
  }

  #noteMessage({ segment, position }: LogPosition, what: string): void {
    const file = segmentName(segment);
    note(this.#damage, { kind: 'message', file, offset: position, bytes: 0, what, stopsStart: false });
  }
}

/** Notes what is wrong at a place, once. */
function note(damage: Damage[], found: Damage): void {
  if (!damage.some(({ file, offset }) => file === found.file && offset === found.offset)) damage.push(found);
}

function isSame(one: LogPosition, other: LogPosition): boolean {
  return one.segment === other.segment && one.position === other.position;
}

function contains({ segment, from, to }: Stretch, place: LogPosition): boolean {
  return segment === place.segment && from <= place.position && place.position < to;
}
