import { randomInt } from 'node:crypto';
import { absorb, begin, finish } from '../../half-sip-hash.ts';
import { CHUNK_BITS, CHUNK_MASK } from './column.ts';
import type { Words } from './uuid.ts';

/** Length of a key, which is a mailbox's number, a UUID and a chunk: six words. */
const KEY_BYTES = 24;
/** Buckets at the start; one more for each slot above it. */
const BUCKETS_MIN = 1024;
/** What stands side by side of a slot: its key, the hash of that, and the next slot of the same bucket, or 0. */
const [MAILBOX, WORDS, CHUNK_INDEX, HASH, NEXT, ROW_WORDS] = [0, 1, 5, 6, 7, 8];
/** In place of the next slot, where a slot is in no bucket. */
const UNLINKED = 0xffff_ffff;
/** And of a bucket: its first slot or 0, and a bit for each hash in it, so that most keys that are not there cost no look at a row. */
const [FIRST, SIEVE, BUCKET_WORDS] = [0, 1, 2];

/**
 * Slots by key: a hash table that grows by one bucket with each slot (linear hashing, Litwin 1980), so that no insertion
 * pauses to rehash the rest. Senders choose the keys, so the hash is a keyed one that they cannot aim at.
 *
 * With a million slots a look at a row or a bucket is one at memory that no cache holds, and takes longer than all else. So
 * what is looked at together stands side by side.
 */
export class Keys {
  readonly #rows: Uint32Array[] = [];
  #heads: Uint32Array[] = [];
  readonly #seed = [randomInt(2 ** 32) | 0, randomInt(2 ** 32) | 0] as const;
  #buckets = 0;
  /** The largest power of two that is not above the number of buckets. */
  #round = 0;
  #size = 0;
  /** One above the highest slot that was ever set. */
  #end = 1;
  #inBulk = false;
  /** The key that was hashed last, and its hash, as in a row. */
  readonly #hashed = new Uint32Array(ROW_WORDS);

  constructor() {
    this.#deal(BUCKETS_MIN);
    this.#hashed[MAILBOX] = UNLINKED;
  }

  /** Makes room for a slot; those that begin a chunk are asked for in order. */
  reserve(slot: number): void {
    if (slot >> CHUNK_BITS === this.#rows.length) this.#rows.push(new Uint32Array(ROW_WORDS << CHUNK_BITS));
  }

  /** Where a slot's key stands, in place of an object for each. */
  mailboxOf(slot: number): number {
    return this.#row(slot, MAILBOX);
  }

  chunkIndexOf(slot: number): number {
    return this.#row(slot, CHUNK_INDEX);
  }

  wordsOf(slot: number): Words {
    const word = (index: number): number => this.#row(slot, WORDS + index);
    return [word(0), word(1), word(2), word(3)];
  }

  /** Writes a slot's key; it can be found once it was added. */
  set(slot: number, mailbox: number, words: Words, chunkIndex: number): void {
    const rows = this.#rows[slot >> CHUNK_BITS] as Uint32Array;
    const at = (slot & CHUNK_MASK) * ROW_WORDS;
    writeKey(rows, at, mailbox, words, chunkIndex);
    rows[at + HASH] = this.#hashOf(mailbox, words, chunkIndex);
    rows[at + NEXT] = UNLINKED;
    this.#end = Math.max(this.#end, slot + 1);
  }

  /** The slot of a key, or 0. */
  find(mailbox: number, words: Words, chunkIndex: number): number {
    const hash = this.#hashOf(mailbox, words, chunkIndex);
    const bucket = this.#bucketOf(hash);
    if ((this.#head(bucket, SIEVE) & sieveBit(hash)) === 0) return 0;
    let slot = this.#head(bucket, FIRST);
    while (slot !== 0 && !(this.#row(slot, HASH) === hash && this.#isKeyOf(slot, mailbox, words, chunkIndex)))
      slot = this.#row(slot, NEXT);
    return slot;
  }

  /** Makes a slot findable. No other slot that is may have its key. */
  add(slot: number): void {
    this.#size++;
    if (this.#size > this.#buckets) this.#grow();
    this.#link(slot);
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(this.#row(slot, HASH));
    const next = this.#row(slot, NEXT);
    let before = this.#head(bucket, FIRST);
    if (before === slot && next === 0) {
      this.#clear(bucket);
    } else if (before === slot) {
      this.#setHead(bucket, FIRST, next);
    } else {
      while (this.#row(before, NEXT) !== slot) before = this.#row(before, NEXT);
      this.#setNext(before, next);
    }
    this.#setNext(slot, UNLINKED);
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

  /** The hash of a key. Most keys are looked up and set the next moment, so the last one's is kept. */
  #hashOf(mailbox: number, words: Words, chunkIndex: number): number {
    const key = this.#hashed;
    if (isKeyAt(key, 0, mailbox, words, chunkIndex)) return key[HASH] as number;
    writeKey(key, 0, mailbox, words, chunkIndex);
    const state = begin(this.#seed[0], this.#seed[1]);
    for (let word = MAILBOX; word < HASH; word++) absorb(state, key[word] as number);
    absorb(state, KEY_BYTES << 24);
    const { v1, v3 } = finish(state);
    key[HASH] = v1 ^ v3;
    return key[HASH] as number;
  }

  #grow(): void {
    if (this.#inBulk) this.#deal(4 * this.#round);
    else this.#split();
  }

  /** Adds a bucket and deals the slots of the one that it splits out anew. */
  #split(): void {
    this.#reserveBucket(this.#buckets);
    const split = this.#buckets - this.#round;
    this.#buckets++;
    if (this.#buckets === 2 * this.#round) this.#round = this.#buckets;
    let slot = this.#head(split, FIRST);
    this.#clear(split);
    while (slot !== 0) {
      const next = this.#row(slot, NEXT);
      this.#link(slot);
      slot = next;
    }
  }

  /** Deals all slots to so many buckets, a power of two. */
  #deal(buckets: number): void {
    this.#heads = [];
    for (let bucket = 0; bucket < buckets; bucket++) this.#reserveBucket(bucket);
    this.#buckets = buckets;
    this.#round = buckets;
    for (let slot = 1; slot < this.#end; slot++) if (this.#row(slot, NEXT) !== UNLINKED) this.#link(slot);
  }

  #link(slot: number): void {
    const hash = this.#row(slot, HASH);
    const bucket = this.#bucketOf(hash);
    this.#setNext(slot, this.#head(bucket, FIRST));
    this.#setHead(bucket, FIRST, slot);
    this.#setHead(bucket, SIEVE, this.#head(bucket, SIEVE) | sieveBit(hash));
  }

  #isKeyOf(slot: number, mailbox: number, words: Words, chunkIndex: number): boolean {
    const rows = this.#rows[slot >> CHUNK_BITS] as Uint32Array;
    return isKeyAt(rows, (slot & CHUNK_MASK) * ROW_WORDS, mailbox, words, chunkIndex);
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#buckets ? bucket : bucket - this.#round;
  }

  #clear(bucket: number): void {
    this.#setHead(bucket, FIRST, 0);
    this.#setHead(bucket, SIEVE, 0);
  }

  #reserveBucket(bucket: number): void {
    if (bucket >> CHUNK_BITS === this.#heads.length)
      this.#heads.push(new Uint32Array(BUCKET_WORDS << CHUNK_BITS));
  }

  #row(slot: number, field: number): number {
    return (this.#rows[slot >> CHUNK_BITS] as Uint32Array)[(slot & CHUNK_MASK) * ROW_WORDS + field] as number;
  }

  #setNext(slot: number, next: number): void {
    (this.#rows[slot >> CHUNK_BITS] as Uint32Array)[(slot & CHUNK_MASK) * ROW_WORDS + NEXT] = next;
  }

  #head(bucket: number, field: number): number {
    return (this.#heads[bucket >> CHUNK_BITS] as Uint32Array)[
      (bucket & CHUNK_MASK) * BUCKET_WORDS + field
    ] as number;
  }

  #setHead(bucket: number, field: number, value: number): void {
    (this.#heads[bucket >> CHUNK_BITS] as Uint32Array)[(bucket & CHUNK_MASK) * BUCKET_WORDS + field] = value;
  }
}

function writeKey(rows: Uint32Array, at: number, mailbox: number, words: Words, chunkIndex: number): void {
  rows[at + MAILBOX] = mailbox;
  rows[at + WORDS] = words[0];
  rows[at + WORDS + 1] = words[1];
  rows[at + WORDS + 2] = words[2];
  rows[at + WORDS + 3] = words[3];
  rows[at + CHUNK_INDEX] = chunkIndex;
}

function isKeyAt(rows: Uint32Array, at: number, mailbox: number, words: Words, chunkIndex: number): boolean {
  return (
    rows[at + WORDS] === words[0] &&
    rows[at + WORDS + 1] === words[1] &&
    rows[at + WORDS + 2] === words[2] &&
    rows[at + WORDS + 3] === words[3] &&
    rows[at + CHUNK_INDEX] === chunkIndex &&
    rows[at + MAILBOX] === mailbox
  );
}

/** Of the bits of a hash that name no bucket. */
function sieveBit(hash: number): number {
  return 1 << (hash >>> 27);
}
