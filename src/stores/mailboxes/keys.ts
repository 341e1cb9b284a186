import { randomInt } from 'node:crypto';
import { absorb, begin, finish } from '../../half-sip-hash.ts';
import { Column } from './column.ts';

/** A UUID as four u32, the first one first. */
export type Words = readonly [number, number, number, number];

/** A message's key within the store: its mailbox's number, its UUID as four words, its chunk. All u32. */
export interface Key {
  readonly mailbox: number;
  readonly words: Words;
  readonly chunkIndex: number;
}

/** Length of a key: six words. */
const KEY_BYTES = 24;
/** Buckets at the start; one more for each slot above it. */
const BUCKETS_MIN = 1024;

/**
 * Slots by key: a hash table that grows by one bucket with each slot (linear hashing, Litwin 1980), so that no insertion
 * pauses to rehash the rest. Senders choose the keys, so the hash is a keyed one that they cannot aim at.
 */
export class Keys {
  readonly #mailbox = new Column(Uint32Array);
  readonly #words = [0, 1, 2, 3].map(() => new Column(Uint32Array)) as [Column, Column, Column, Column];
  readonly #chunkIndex = new Column(Uint32Array);
  readonly #hash = new Column(Uint32Array);
  /** The next slot of the same bucket, or 0. */
  readonly #next = new Column(Uint32Array);
  /** The first slot of each bucket, or 0. */
  readonly #first = new Column(Uint32Array);
  readonly #seed = [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0] as const;
  #buckets = 0;
  /** The largest power of two that is not above the number of buckets. */
  #round = BUCKETS_MIN;
  #size = 0;

  constructor() {
    for (; this.#buckets < BUCKETS_MIN; this.#buckets++) this.#first.reserve(this.#buckets);
  }

  reserve(slot: number): void {
    this.#mailbox.reserve(slot);
    for (const column of this.#words) column.reserve(slot);
    this.#chunkIndex.reserve(slot);
    this.#hash.reserve(slot);
    this.#next.reserve(slot);
  }

  /** Where a slot's key stands, in place of an object for each. */
  mailboxOf(slot: number): number {
    return this.#mailbox.get(slot);
  }

  chunkIndexOf(slot: number): number {
    return this.#chunkIndex.get(slot);
  }

  wordsOf(slot: number): Words {
    const [a, b, c, d] = this.#words;
    return [a.get(slot), b.get(slot), c.get(slot), d.get(slot)];
  }

  /** Writes a slot's key; it can be found once it was added. */
  set(slot: number, { mailbox, words, chunkIndex }: Key): void {
    this.#mailbox.set(slot, mailbox);
    this.#words[0].set(slot, words[0]);
    this.#words[1].set(slot, words[1]);
    this.#words[2].set(slot, words[2]);
    this.#words[3].set(slot, words[3]);
    this.#chunkIndex.set(slot, chunkIndex);
    this.#hash.set(slot, this.#hashOf(mailbox, words, chunkIndex));
  }

  /** The slot of a key, or 0. */
  find({ mailbox, words, chunkIndex }: Key): number {
    const hash = this.#hashOf(mailbox, words, chunkIndex);
    let slot = this.#first.get(this.#bucket(hash));
    while (slot !== 0) {
      const same =
        this.#hash.get(slot) === hash &&
        this.#words[0].get(slot) === words[0] &&
        this.#words[1].get(slot) === words[1] &&
        this.#words[2].get(slot) === words[2] &&
        this.#words[3].get(slot) === words[3] &&
        this.#chunkIndex.get(slot) === chunkIndex &&
        this.#mailbox.get(slot) === mailbox;
      if (same) return slot;
      slot = this.#next.get(slot);
    }
    return 0;
  }

  /** Makes a slot findable. No other slot that is may have its key. */
  add(slot: number): void {
    this.#size++;
    if (this.#size > this.#buckets) this.#grow();
    this.#link(slot);
  }

  remove(slot: number): void {
    const bucket = this.#bucket(this.#hash.get(slot));
    const next = this.#next.get(slot);
    let before = this.#first.get(bucket);
    if (before === slot) {
      this.#first.set(bucket, next);
    } else {
      while (this.#next.get(before) !== slot) before = this.#next.get(before);
      this.#next.set(before, next);
    }
    this.#size--;
  }

  /** Adds a bucket and deals the slots of the one that it splits out anew. */
  #grow(): void {
    this.#first.reserve(this.#buckets);
    const split = this.#buckets - this.#round;
    this.#buckets++;
    if (this.#buckets === 2 * this.#round) this.#round = this.#buckets;
    let slot = this.#first.get(split);
    this.#first.set(split, 0);
    while (slot !== 0) {
      const next = this.#next.get(slot);
      this.#link(slot);
      slot = next;
    }
  }

  #link(slot: number): void {
    const bucket = this.#bucket(this.#hash.get(slot));
    this.#next.set(slot, this.#first.get(bucket));
    this.#first.set(bucket, slot);
  }

  #bucket(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#buckets ? bucket : bucket - this.#round;
  }

  #hashOf(mailbox: number, words: Words, chunkIndex: number): number {
    const state = begin(this.#seed[0], this.#seed[1]);
    absorb(state, mailbox);
    absorb(state, words[0]);
    absorb(state, words[1]);
    absorb(state, words[2]);
    absorb(state, words[3]);
    absorb(state, chunkIndex);
    absorb(state, KEY_BYTES << 24);
    const { v1, v3 } = finish(state);
    return (v1 ^ v3) >>> 0;
  }
}

/** A lower-case hyphenated UUID as words. */
export function uuidWords(uuid: string): Words {
  return [hexWord(uuid, 0, 9), hexWord(uuid, 9, 18), hexWord(uuid, 19, 28), hexWord(uuid, 28, 36)];
}

/** The digits between two places; this runs for every message, and `parseInt` on slices takes five times as long. */
function hexWord(uuid: string, from: number, to: number): number {
  let word = 0;
  for (let at = from; at < to; at++) {
    const code = uuid.charCodeAt(at);
    if (code !== HYPHEN) word = (word << 4) | (code <= NINE ? code - ZERO : code - LETTER_A + 10);
  }
  return word >>> 0;
}

const [HYPHEN, ZERO, NINE, LETTER_A] = [0x2d, 0x30, 0x39, 0x61];

/** Words as a lower-case hyphenated UUID. */
export function uuidText(words: Words): string {
  let at = 0;
  for (let digit = 0; digit < 32; digit++) {
    if (digit === 8 || digit === 12 || digit === 16 || digit === 20) at++;
    text[at++] = HEX[((words[digit >> 3] as number) >>> (28 - 4 * (digit & 7))) & 15] as number;
  }
  return text.toString('latin1');
}

const HEX = Buffer.from('0123456789abcdef');
/** Where a UUID is put together. */
const text = Buffer.alloc(36, '-');
