import { ACKED, MEMORY } from '../mailboxes/slots.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { Clock } from '../store.ts';
import { BATCH_BYTES_MAX, type Batch, FRAME_BYTES, PAGE_BYTES, padded } from './batch.ts';
import type { Journal } from './journal.ts';
import type { KeptRecord } from './kept-record.ts';
import { Passes } from './passes.ts';
import type { Reader } from './reader.ts';
import { ackBytes, MEMORY as MEMORY_RECORD } from './record.ts';
import type { Reserve } from './reserve.ts';
import { isResident, residentsOf } from './residents.ts';
import type { Segments } from './segments.ts';

/**
 * What the cleaner adds to a batch of callers, who wait for it too: twice what they add, within bounds. It reads twice as much
 * at once.
 */
const SHARED_STEP_BYTES_MIN = 16_384;
export const CLEANER_STEP_BYTES_MAX = 262_144;
/** What it puts into a batch of its own. */
const STEP_BYTES = 65_536;
/**
 * And on a full disk: at least as much as one batch of callers holds. So what is written anew is in no more batches than it
 * was, and takes no more room; otherwise a pass over many segments would use the reserve up.
 */
const FULL_STEP_BYTES = BATCH_BYTES_MAX;
/** Segments that the log may have above 2 × what lives before cleaning begins: two, less half of one that it may lag behind. */
const SLACK_SEGMENTS = 1.5;
/** What must have changed for a pass that an ack waits for: two acks in pages of their own, which fit into one. */
const URGENT_PASS_BYTES = 2 * PAGE_BYTES;

/** In place of a read: what is loaded already is all that there was. */
const NOTHING_LEFT: Promise<void> = Promise.resolve();

/**
 * Gives space back. The oldest segment goes first: what still counts of it is appended to the log again, with its seq and
 * its bytes as they are, and once that is on disk, the segment no longer counts.
 */
export class Cleaner {
  readonly #mailboxes: Mailboxes;
  readonly #segments: Segments;
  readonly #reader: Reader;
  readonly #journal: Journal;
  readonly #reserve: Reserve;
  readonly #passes: Passes;
  readonly #segmentBytes: number;
  readonly #clock: Clock;
  readonly #onDamage: (slot: number) => void;
  /** The segment that is being cleaned, and its slots that are still to be read once they are found, the next part last. */
  #number = 0;
  #parts: number[][] | undefined;
  #loaded: Loaded[] = [];
  #stepBytes = STEP_BYTES;
  #loading: Promise<void> | undefined;
  #pausedUntilMs = 0;

  constructor(parts: {
    mailboxes: Mailboxes;
    segments: Segments;
    reader: Reader;
    journal: Journal;
    reserve: Reserve;
    segmentBytes: number;
    clock: Clock;
    onDamage: (slot: number) => void;
  }) {
    this.#mailboxes = parts.mailboxes;
    this.#segments = parts.segments;
    this.#reader = parts.reader;
    this.#journal = parts.journal;
    this.#reserve = parts.reserve;
    this.#passes = new Passes(parts);
    this.#segmentBytes = parts.segmentBytes;
    this.#clock = parts.clock;
    this.#onDamage = parts.onDamage;
  }

  /** Bytes of segments above the bound; 0 or less below it. On a full disk that is the fewest segments that could hold what lives. */
  get excessBytes(): number {
    const { recordBytes } = this.#mailboxes.table;
    const { bytes, droppedBytes } = this.#segments;
    if (!this.#reserve.isFull)
      return bytes - droppedBytes - 2 * recordBytes - SLACK_SEGMENTS * this.#segmentBytes;
    const needed = Math.ceil(recordBytes / this.#journal.capacity);
    return bytes - needed * this.#segmentBytes;
  }

  /** Whether it is on its way to give up a segment, or sets out now, as an ack on a full disk waits for room. */
  makesRoom(): boolean {
    if (this.isPaused) return false;
    return this.#number !== 0 || this.#loading !== undefined || this.#begin(true);
  }

  /** Whether records wait to be added to a batch. */
  get hasLoaded(): boolean {
    return this.#loaded.length > 0;
  }

  /** Reads ahead where there is something to clean; undefined when there is not, or something is loaded already or on its way. */
  load(): Promise<void> | undefined {
    if (this.#loading !== undefined || this.hasLoaded) return undefined;
    if (this.#journal.broken || this.isPaused) return undefined;
    if (this.#number === 0 && !this.#begin()) return undefined;
    if (this.#parts?.length === 0) return NOTHING_LEFT;
    this.#loading = this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /**
   * Adds what still counts of what is loaded to a batch, at a pace that callers hardly notice. An idle batch has nothing of
   * theirs, and may begin a segment. Returns whether anything was taken from what is loaded.
   */
  addTo(batch: Batch, isIdle: boolean): boolean {
    const { remaining } = this.#journal;
    const callers = batch.length - FRAME_BYTES;
    const shared = Math.min(CLEANER_STEP_BYTES_MAX, Math.max(SHARED_STEP_BYTES_MIN, 2 * callers));
    const own = this.#reserve.isFull ? FULL_STEP_BYTES : STEP_BYTES;
    this.#stepBytes = isIdle ? own : shared;
    const loaded = this.#loaded.length;
    let added = 0;
    while (added < this.#stepBytes) {
      const next = this.#loaded.at(-1);
      if (next === undefined) break;
      const fits = padded(batch.length + next.bytes) <= remaining || (isIdle && batch.records === 0);
      if (!fits) break;
      this.#loaded.pop();
      if (!this.#counts(next.slot)) continue;
      this.#addOne(batch, next);
      added += next.bytes;
    }
    return this.#loaded.length < loaded;
  }

  /** Between two batches: gives up a segment of which nothing is left to be written anew. */
  retireCleaned(): void {
    if (this.#number === 0 || this.hasLoaded || this.#parts?.length !== 0 || this.#loading !== undefined)
      return;
    this.#journal.retire(this.#number);
    this.#number = 0;
  }

  get isPaused(): boolean {
    return this.#clock.monotonicMs() < this.#pausedUntilMs;
  }

  /** It cannot get on now: the segment is begun again after a while. */
  pause(ms: number): void {
    this.#pausedUntilMs = this.#clock.monotonicMs() + ms;
    this.restart();
  }

  /** Ends a pause, whatever it is for: there is room that it may have waited for. */
  resume(): void {
    this.#pausedUntilMs = 0;
  }

  /** The batch failed: the segment is begun again. */
  restart(): void {
    this.#number = 0;
    this.#parts = undefined;
    this.#loaded = [];
  }

  async idle(): Promise<void> {
    await this.#loading?.catch(() => {});
  }

  /** Takes the oldest segment, if there is too much and it is not the one that is being written. */
  #begin(isUrgent = false): boolean {
    if (this.excessBytes <= 0 && !isUrgent) return false;
    const number = this.#segments.numbers.find((each) => each >= this.#journal.oldest);
    if (number === undefined || number >= this.#journal.tailNumber) return false;
    if (!this.#passes.reach(number, isUrgent ? URGENT_PASS_BYTES : this.#segmentBytes / 2)) return false;
    this.#number = number;
    this.#parts = undefined;
    return true;
  }

  #addOne(batch: Batch, { slot, bytes, read }: Loaded): void {
    const change = this.#mailboxes.move(slot);
    change.bytes = bytes;
    change.at = read
      ? batch.addRaw(read.record, read.headBytes)
      : batch.addAck(MEMORY_RECORD, this.#memoryOf(slot));
  }

  #memoryOf(slot: number): Parameters<Batch['addAck']>[1] {
    const { table } = this.#mailboxes;
    return { ...table.factOf(slot), ms: table.slots.ms.get(slot) };
  }

  /** Whether a slot has its record in the segment that is being cleaned, and no ack of it is on its way. */
  #counts(slot: number): boolean {
    const { slots } = this.#mailboxes.table;
    return isResident(slots, slot, this.#number) && (slots.state.get(slot) & ACKED) === 0;
  }

  async #load(): Promise<void> {
    const number = this.#number;
    const { table } = this.#mailboxes;
    const parts = this.#parts ?? (await residentsOf(table.slots, number, STEP_BYTES));
    if (number !== this.#number) return;
    this.#parts = parts;
    const step = this.#nextStep(parts);
    const messages = step.filter(({ isMemory }) => !isMemory);
    const { records } = await this.#reader.read(
      messages.map(({ slot }) => slot),
      (slot) => table.mailboxOf(slot).recipient,
    );
    if (number !== this.#number) return;
    messages.forEach((each, index) => {
      each.read = records[index];
      if (each.read === undefined && isResident(table.slots, each.slot, number)) this.#onDamage(each.slot);
    });
    this.#loaded = step.filter(({ isMemory, read }) => isMemory || read !== undefined).reverse();
  }

  /** What is to be read next. What an ack that is on its way deletes is in it, as that ack may fail. */
  #nextStep(parts: number[][]): Loaded[] {
    const { table } = this.#mailboxes;
    const { state, position, recordBytes } = table.slots;
    const step: Loaded[] = [];
    let bytes = 0;
    while (bytes < 2 * this.#stepBytes) {
      const part = parts.pop();
      if (part === undefined) break;
      for (const slot of part.sort((a, b) => position.get(a) - position.get(b))) {
        if (!isResident(table.slots, slot, this.#number)) continue;
        const isMemory = (state.get(slot) & MEMORY) !== 0;
        const length = isMemory ? ackBytes(table.mailboxOf(slot).recipient) : recordBytes.get(slot);
        step.push({ slot, bytes: length, isMemory });
        bytes += length;
      }
    }
    return step;
  }
}

interface Loaded {
  readonly slot: number;
  readonly bytes: number;
  readonly isMemory: boolean;
  read?: KeptRecord | undefined;
}
