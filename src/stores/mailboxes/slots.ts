import { beginsChunk, Column } from './column.ts';
import { Keys } from './keys.ts';
import { Order } from './order.ts';

/** What a slot holds, one bit each; ACKED is added to it while an ack of it is on its way to the disk. */
const FREE = 0;
/** A push on its way to the disk: known by its key, in no page. */
export const PENDING = 1;
export const LIVE = 2;
/** Expired or damaged while its ack is on its way. */
export const GONE = 4;
export const MEMORY = 8;
/** A memory that is given up for a push on its way. */
export const FORGOTTEN = 16;
export const ACKED = 32;

/** The numbers of every message and every memory, about 90 bytes each, by slot; slot 0 is none. */
export class Slots {
  readonly state = new Column(Uint8Array);
  readonly seq = new Column(Float64Array);
  /** A message's deadline; a memory's ack. Unix milliseconds. */
  readonly ms = new Column(Float64Array);
  readonly payloadBytes = new Column(Uint32Array);
  /** Where the record stands: segment, position in it, length. */
  readonly segment = new Column(Uint32Array);
  readonly position = new Column(Uint32Array);
  readonly recordBytes = new Column(Uint32Array);
  /** Memories in the order in which they were made; a free slot's `newer` is the next free one. */
  readonly older = new Column(Uint32Array);
  readonly newer = new Column(Uint32Array);
  readonly keys = new Keys();
  readonly order = new Order(this.seq, this.ms);
  readonly #columns = [
    this.state,
    this.seq,
    this.ms,
    this.payloadBytes,
    this.segment,
    this.position,
    this.recordBytes,
    this.older,
    this.newer,
    this.keys,
    this.order,
  ];
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

  take(state: number): number {
    const slot = this.#free === 0 ? this.#end++ : this.#free;
    if (slot === this.#free) this.#free = this.newer.get(slot);
    else if (beginsChunk(slot)) this.#reserve(slot);
    this.used++;
    this.state.set(slot, state);
    this.recordBytes.set(slot, 0);
    return slot;
  }

  release(slot: number): void {
    this.used--;
    this.state.set(slot, FREE);
    this.newer.set(slot, this.#free);
    this.#free = slot;
  }

  #reserve(slot: number): void {
    for (const column of this.#columns) column.reserve(slot);
  }
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
