type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

export const CHUNK_BITS = 11;
const CHUNK_LENGTH = 1 << CHUNK_BITS;
export const CHUNK_MASK = CHUNK_LENGTH - 1;

/** Whether columns need room for this slot and those that follow: always so for slot 0. */
export function beginsChunk(slot: number): boolean {
  return (slot & CHUNK_MASK) === 0;
}

/**
 * One number for each slot, off the JavaScript heap: the garbage collector never looks at it. It grows by whole
 * chunks, so that growing copies nothing.
 */
export class Column {
  readonly #chunks: Numbers[] = [];
  readonly #kind: new (
    length: number,
  ) => Numbers;

  constructor(kind: new (length: number) => Numbers) {
    this.#kind = kind;
  }

  /** Makes room for a slot; those that begin a chunk are asked for in order. */
  reserve(slot: number): void {
    if (slot >> CHUNK_BITS === this.#chunks.length) this.#chunks.push(new this.#kind(CHUNK_LENGTH));
  }

  get(slot: number): number {
    return (this.#chunks[slot >> CHUNK_BITS] as Numbers)[slot & CHUNK_MASK] as number;
  }

  set(slot: number, value: number): void {
    (this.#chunks[slot >> CHUNK_BITS] as Numbers)[slot & CHUNK_MASK] = value;
  }
}
