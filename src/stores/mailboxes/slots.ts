import { beginsChunk, Rows, restOfChunk } from './column.ts';
import { Keys } from './keys.ts';
import { Order } from './order.ts';

/** What a slot holds, one bit each; ACKED is added to it while an ack of it is on its way to the disk. */
export const FREE = 0;
/** A push on its way to the disk: known by its key, in no page. */
export const PENDING = 1;
export const LIVE = 2;
/** Expired or damaged while its ack is on its way. */
export const GONE = 4;
export const MEMORY = 8;
/** A memory that is given up for a push on its way. */
export const FORGOTTEN = 16;
export const ACKED = 32;

/** What stands side by side of a slot. */
const [STATE, PAYLOAD_BYTES, SEGMENT, POSITION, RECORD_BYTES, OLDER, NEWER] = [0, 1, 2, 3, 4, 5, 6];
export const SLOT_ROW_WORDS = 7;

/** Where a record stands in the log. */
export interface Place {
  readonly segment: number;
  readonly position: number;
  /** Length of the record. */
  readonly bytes: number;
}

/** Rows that were made elsewhere, of messages and memories that may get slots: three rows for each. */
export interface SlotRows {
  /** As `Keys` has them, in no bucket. */
  readonly keys: Uint32Array;
  /** Their seq and their time, as `Slots` has it. */
  readonly times: Float64Array;
  /** As `Slots` has them. */
  readonly slots: Uint32Array;
}

/** The numbers of every message and every memory, about 90 bytes each, by slot; slot 0 is none. */
export class Slots {
  readonly keys = new Keys();
  readonly order = new Order();
  readonly seq = this.order.seq;
  readonly ms = this.order.ms;
  readonly #rows = new Rows(SLOT_ROW_WORDS);
  readonly state = this.#rows.words(STATE);
  readonly payloadBytes = this.#rows.words(PAYLOAD_BYTES);
  /** Where the record stands: segment, position in it, length. */
  readonly segment = this.#rows.words(SEGMENT);
  readonly position = this.#rows.words(POSITION);
  readonly recordBytes = this.#rows.words(RECORD_BYTES);
  /** Memories in the order in which they were made; a free slot's `newer` is the next free one. */
  readonly older = this.#rows.words(OLDER);
  readonly newer = this.#rows.words(NEWER);
  /** How many hold something. */
  used = 0;
  #end = 1;
  #free = 0;

  constructor() {
    this.#reserve(0);
  }

  /** One above the highest slot ever used. */
  get end(): number {
    return this.#end;
  }

  /** Whether a slot still holds the live message of a seq, and has not become another's. */
  isMessage(slot: number, seq: number | undefined): boolean {
    return this.seq.get(slot) === seq && (this.state.get(slot) & LIVE) !== 0;
  }

  /** Where its record begins. */
  positionOf(slot: number): Pick<Place, 'segment' | 'position'> {
    return { segment: this.segment.get(slot), position: this.position.get(slot) };
  }

  take(state: number): number {
    const slot = this.#allot();
    this.state.set(slot, state);
    return slot;
  }

  /** A new slot with a row. */
  takeRow(rows: SlotRows, row: number): void {
    const slot = this.#allot();
    this.#write(slot, rows, row, 1);
    this.keys.set(slot, rows.keys, row);
    this.keys.add(slot);
  }

  /**
   * New slots for rows one behind the other, up to the first whose key may be known; returns how many. 0 as well while there are
   * free slots, which stand anywhere.
   */
  takeNew(rows: SlotRows, from: number, to: number): number {
    if (this.#free !== 0) return 0;
    const slot = this.#end;
    if (beginsChunk(slot)) this.#reserve(slot);
    const count = this.keys.addNew(slot, rows.keys, from, Math.min(to, from + restOfChunk(slot)));
    this.#write(slot, rows, from, count);
    this.#end += count;
    this.used += count;
    return count;
  }

  release(slot: number): void {
    this.used--;
    this.state.set(slot, FREE);
    this.newer.set(slot, this.#free);
    this.#free = slot;
  }

  #write(slot: number, { slots, times }: SlotRows, row: number, count: number): void {
    this.#rows.set(slot, slots, row, count);
    for (let next = 0; next < count; next++) {
      this.seq.set(slot + next, times[2 * (row + next)] as number);
      this.ms.set(slot + next, times[2 * (row + next) + 1] as number);
    }
  }

  #allot(): number {
    const slot = this.#free === 0 ? this.#end++ : this.#free;
    if (slot === this.#free) this.#free = this.newer.get(slot);
    else if (beginsChunk(slot)) this.#reserve(slot);
    this.used++;
    return slot;
  }

  #reserve(slot: number): void {
    for (const rows of [this.#rows, this.keys, this.order]) rows.reserve(slot);
  }
}

/** The row of a slot with a record. */
export function slotRow(
  state: number,
  payloadBytes: number,
  { segment, position, bytes }: Place,
): Uint32Array {
  return Uint32Array.of(state, payloadBytes, segment, position, bytes, 0, 0);
}

/** What such a row says. */
export function stateOf({ slots }: SlotRows, row: number): number {
  return slots[row * SLOT_ROW_WORDS + STATE] as number;
}

export function placeOf({ slots }: SlotRows, row: number): Place {
  const at = row * SLOT_ROW_WORDS;
  const [segment, position, bytes] = [slots[at + SEGMENT], slots[at + POSITION], slots[at + RECORD_BYTES]];
  return { segment, position, bytes } as Place;
}

/** Slots of memories from the oldest to the newest. */
export class MemoryList {
  readonly #slots: Slots;
  oldest = 0;
  newest = 0;
  length = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Lists all there are, which are on no list, in the order in which they were made. */
  listAll(): void {
    const { end, state, ms, seq } = this.#slots;
    const found: number[] = [];
    for (let slot = 1; slot < end; slot++) if (state.get(slot) === MEMORY) found.push(slot);
    found.sort((a, b) => ms.get(a) - ms.get(b) || seq.get(a) - seq.get(b));
    for (const slot of found) this.append(slot);
  }

  append(slot: number): void {
    this.#slots.older.set(slot, this.newest);
    this.#slots.newer.set(slot, 0);
    if (this.newest === 0) this.oldest = slot;
    else this.#slots.newer.set(this.newest, slot);
    this.newest = slot;
    this.length++;
  }

  prepend(slot: number): void {
    this.#slots.older.set(slot, 0);
    this.#slots.newer.set(slot, this.oldest);
    if (this.oldest === 0) this.newest = slot;
    else this.#slots.older.set(this.oldest, slot);
    this.oldest = slot;
    this.length++;
  }

  remove(slot: number): void {
    const older = this.#slots.older.get(slot);
    const newer = this.#slots.newer.get(slot);
    if (older === 0) this.oldest = newer;
    else this.#slots.newer.set(older, newer);
    if (newer === 0) this.newest = older;
    else this.#slots.older.set(newer, older);
    this.length--;
  }
}
