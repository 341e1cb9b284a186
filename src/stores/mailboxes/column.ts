type Numbers = Float64Array | Uint32Array;

const CHUNK_BITS = 11;
const CHUNK_LENGTH = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_LENGTH - 1;

/** How many slots from this one on, it included, stand in one chunk. */
export function restOfChunk(slot: number): number {
  return CHUNK_LENGTH - (slot & CHUNK_MASK);
}

/** Whether rows need room for this slot and those that follow: always so for slot 0. */
export function beginsChunk(slot: number): boolean {
  return (slot & CHUNK_MASK) === 0;
}

/**
 * A row of numbers for each slot, off the JavaScript heap: the garbage collector never looks at it. With a million slots a look
 * at a row is one at memory that no cache holds, and takes longer than all else; so what is looked at together stands in one.
 * Rows grow by whole chunks, so that growing copies nothing.
 */
export class Rows {
  readonly #rowWords: number;
  readonly #words: Uint32Array[] = [];
  /** The same, if there is a double among them. */
  readonly #doubles: Float64Array[] = [];
  #hasDoubles = false;

  /** Rows of so many words of four bytes, an even number if there is a double among them. */
  constructor(rowWords: number) {
    this.#rowWords = rowWords;
  }

  /** The u32 that is so many words from the beginning of each row. */
  words(offset: number): Column {
    return new Column(this.#words, this.#rowWords, offset);
  }

  /** The double that is so many doubles from the beginning of each row; to be asked for before there is a slot. */
  doubles(offset: number): Column {
    this.#hasDoubles = true;
    return new Column(this.#doubles, this.#rowWords / 2, offset);
  }

  /** Makes room for a slot; those that begin a chunk are asked for in order. */
  reserve(slot: number): void {
    if (slot >> CHUNK_BITS !== this.#words.length) return;
    const words = new Uint32Array(this.#rowWords << CHUNK_BITS);
    this.#words.push(words);
    if (this.#hasDoubles) this.#doubles.push(new Float64Array(words.buffer));
  }

  word(slot: number, offset: number): number {
    return this.#chunkOf(slot)[this.#at(slot) + offset] as number;
  }

  setWord(slot: number, offset: number, value: number): void {
    this.#chunkOf(slot)[this.#at(slot) + offset] = value;
  }

  /** Writes the rows of slots one behind the other, all of one chunk, from an array of rows. */
  set(slot: number, from: Uint32Array, row: number, count: number): void {
    const rowWords = this.#rowWords;
    const rows = from.subarray(row * rowWords, (row + count) * rowWords);
    this.#chunkOf(slot).set(rows, this.#at(slot));
  }

  #chunkOf(slot: number): Uint32Array {
    return this.#words[slot >> CHUNK_BITS] as Uint32Array;
  }

  #at(slot: number): number {
    return (slot & CHUNK_MASK) * this.#rowWords;
  }
}

/** One number of each row. */
export class Column {
  readonly #chunks: readonly Numbers[];
  readonly #rowLength: number;
  readonly #offset: number;

  constructor(chunks: readonly Numbers[], rowLength: number, offset: number) {
    this.#chunks = chunks;
    this.#rowLength = rowLength;
    this.#offset = offset;
  }

  get(slot: number): number {
    const chunk = this.#chunks[slot >> CHUNK_BITS] as Numbers;
    return chunk[(slot & CHUNK_MASK) * this.#rowLength + this.#offset] as number;
  }

  set(slot: number, value: number): void {
    const chunk = this.#chunks[slot >> CHUNK_BITS] as Numbers;
    chunk[(slot & CHUNK_MASK) * this.#rowLength + this.#offset] = value;
  }
}
