import { randomInt } from 'node:crypto';
import { absorb, begin, finish } from '../../half-sip-hash.ts';
import { Rows } from './column.ts';
import type { Words } from './uuid.ts';

/** Length of a key, which is a mailbox's number, a UUID and a chunk: six words. */
const KEY_BYTES = 24;
/** Buckets at the start; one more for each slot above it. */
const BUCKETS_MIN = 1024;
/** What stands side by side of a slot: its key, the hash of that, and the next slot of the same bucket, or 0. */
const [MAILBOX, WORDS, CHUNK_INDEX, HASH, NEXT] = [0, 1, 5, 6, 7];
export const KEY_ROW_WORDS = 8;
/** In place of the next slot, where a slot is in no bucket. */
const UNLINKED = 0xffff_ffff;
/** What stands side by side of a bucket: its first slot or 0, and a bit for each hash in it, so that most keys that are not there cost no look at a row. */
const [FIRST, SIEVE, BUCKET_WORDS] = [0, 1, 2];

/**
 * Slots by key: a hash table that grows by one bucket with each slot (linear hashing, Litwin 1980), so that no insertion
 * pauses to rehash the rest. Senders choose the keys, so the hash is a keyed one that they cannot aim at.
 */
export class Keys {
  /** Of the hash. */
  readonly seed = [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0] as const;
  readonly #rows = new Rows(KEY_ROW_WORDS);
  #heads = new Rows(BUCKET_WORDS);
  #buckets = 0;
  /** The largest power of two that is not above the number of buckets. */
  #round = 0;
  #size = 0;
  /** One above the highest slot that was ever set. */
  #end = 1;
  #inBulk = false;
  /** The row of the key that was asked for last: most keys are looked up and set the next moment. */
  readonly #asked = new Uint32Array(KEY_ROW_WORDS);

  constructor() {
    this.#deal(BUCKETS_MIN);
    this.#asked[MAILBOX] = UNLINKED;
  }

  /** Makes room for a slot; those that begin a chunk are asked for in order. */
  reserve(slot: number): void {
    this.#rows.reserve(slot);
  }

  /** The number of the mailbox in a slot's key, whose parts are read one by one: an object for each key would be garbage. */
  mailboxOf(slot: number): number {
    return this.#rows.word(slot, MAILBOX);
  }

  chunkIndexOf(slot: number): number {
    return this.#rows.word(slot, CHUNK_INDEX);
  }

  wordsOf(slot: number): Words {
    const word = (index: number): number => this.#rows.word(slot, WORDS + index);
    return [word(0), word(1), word(2), word(3)];
  }

  /** The row of a key that is in no bucket; it is there until another one is asked for. */
  rowOf(mailbox: number, words: Words, chunkIndex: number): Uint32Array {
    const row = this.#asked;
    row[NEXT] = UNLINKED;
    if (isKeyOf(row, mailbox, words, chunkIndex)) return row;
    row[MAILBOX] = mailbox;
    for (let word = 0; word < words.length; word++) row[WORDS + word] = words[word] as number;
    row[CHUNK_INDEX] = chunkIndex;
    const state = begin(this.seed[0], this.seed[1]);
    for (let word = MAILBOX; word < HASH; word++) absorb(state, row[word] as number);
    absorb(state, KEY_BYTES << 24);
    const { v1, v3 } = finish(state);
    row[HASH] = v1 ^ v3;
    return row;
  }

  /** Writes a slot's row; it can be found once it was added. */
  set(slot: number, rows: Uint32Array, row = 0): void {
    this.#rows.set(slot, rows, row, 1);
    this.#end = Math.max(this.#end, slot + 1);
  }

  /** The slot with the key of such a row, or 0. */
  find(rows: Uint32Array, row = 0): number {
    const at = row * KEY_ROW_WORDS;
    const hash = rows[at + HASH] as number;
    const bucket = this.#bucketOf(hash);
    if ((this.#heads.word(bucket, SIEVE) & sieveBit(hash)) === 0) return 0;
    let slot = this.#heads.word(bucket, FIRST);
    while (slot !== 0 && !this.#isEqual(slot, rows, at)) slot = this.#rows.word(slot, NEXT);
    return slot;
  }

  /**
   * Gives rows one behind the other to slots one behind the other of one chunk, and makes them findable, up to the first whose key
   * may be known; returns how many. Short as this loop is, a processor goes on with the next row while it waits for a bucket.
   */
  addNew(slot: number, rows: Uint32Array, from: number, to: number): number {
    while (this.#size + to - from > this.#buckets) this.#grow();
    let row = from;
    for (; row < to; row++) {
      const at = row * KEY_ROW_WORDS;
      const hash = rows[at + HASH] as number;
      const bucket = this.#bucketOf(hash);
      const sieve = this.#heads.word(bucket, SIEVE);
      if ((sieve & sieveBit(hash)) !== 0) break;
      rows[at + NEXT] = this.#heads.word(bucket, FIRST);
      this.#heads.setWord(bucket, FIRST, slot + row - from);
      this.#heads.setWord(bucket, SIEVE, sieve | sieveBit(hash));
    }
    const count = row - from;
    this.#rows.set(slot, rows, from, count);
    this.#size += count;
    this.#end = Math.max(this.#end, slot + count);
    return count;
  }

  /** Makes a slot findable. No other slot that is may have its key. */
  add(slot: number): void {
    this.#size++;
    if (this.#size > this.#buckets) this.#grow();
    this.#link(slot);
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(this.#rows.word(slot, HASH));
    const next = this.#rows.word(slot, NEXT);
    let before = this.#heads.word(bucket, FIRST);
    if (before === slot && next === 0) {
      this.#clear(bucket);
    } else if (before === slot) {
      this.#heads.setWord(bucket, FIRST, next);
    } else {
      while (this.#rows.word(before, NEXT) !== slot) before = this.#rows.word(before, NEXT);
      this.#rows.setWord(before, NEXT, next);
    }
    this.#rows.setWord(slot, NEXT, UNLINKED);
    this.#size--;
  }

  /**
   * Until `endBulk`, the table grows to four times its size at once. A pause does not matter then, and slots dealt in their
   * order, without a wait for one before the next, take a tenth of the time.
   */
  beginBulk(): void {
    this.#inBulk = true;
  }

  endBulk(): void {
    this.#inBulk = false;
    if (this.#buckets > 2 * this.#size)
      this.#deal(Math.max(BUCKETS_MIN, 2 ** Math.ceil(Math.log2(this.#size))));
  }

  #grow(): void {
    if (this.#inBulk) this.#deal(4 * this.#round);
    else this.#split();
  }

  /** Adds a bucket and deals the slots of the one that it splits out anew. */
  #split(): void {
    this.#heads.reserve(this.#buckets);
    const split = this.#buckets - this.#round;
    this.#buckets++;
    if (this.#buckets === 2 * this.#round) this.#round = this.#buckets;
    let slot = this.#heads.word(split, FIRST);
    this.#clear(split);
    while (slot !== 0) {
      const next = this.#rows.word(slot, NEXT);
      this.#link(slot);
      slot = next;
    }
  }

  /** Deals all slots to so many buckets, a power of two. */
  #deal(buckets: number): void {
    this.#heads = new Rows(BUCKET_WORDS);
    for (let bucket = 0; bucket < buckets; bucket++) this.#heads.reserve(bucket);
    this.#buckets = buckets;
    this.#round = buckets;
    for (let slot = 1; slot < this.#end; slot++)
      if (this.#rows.word(slot, NEXT) !== UNLINKED) this.#link(slot);
  }

  #link(slot: number): void {
    const hash = this.#rows.word(slot, HASH);
    const bucket = this.#bucketOf(hash);
    this.#rows.setWord(slot, NEXT, this.#heads.word(bucket, FIRST));
    this.#heads.setWord(bucket, FIRST, slot);
    this.#heads.setWord(bucket, SIEVE, this.#heads.word(bucket, SIEVE) | sieveBit(hash));
  }

  /** Whether a slot has the key of a row; their hashes are compared first. */
  #isEqual(slot: number, rows: Uint32Array, at: number): boolean {
    for (let word = HASH; word >= MAILBOX; word--)
      if (this.#rows.word(slot, word) !== rows[at + word]) return false;
    return true;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#buckets ? bucket : bucket - this.#round;
  }

  #clear(bucket: number): void {
    this.#heads.setWord(bucket, FIRST, 0);
    this.#heads.setWord(bucket, SIEVE, 0);
  }
}

function isKeyOf(row: Uint32Array, mailbox: number, words: Words, chunkIndex: number): boolean {
  return (
    row[WORDS] === words[0] &&
    row[WORDS + 1] === words[1] &&
    row[WORDS + 2] === words[2] &&
    row[WORDS + 3] === words[3] &&
    row[CHUNK_INDEX] === chunkIndex &&
    row[MAILBOX] === mailbox
  );
}

/** Of the bits of a hash that name no bucket. */
function sieveBit(hash: number): number {
  return 1 << (hash >>> 27);
}
