const MIB = 1024 * 1024;

/** Shorter ones are cheap to come by. */
const KEPT_LENGTH_MIN = 32 * 1024;

/**
 * Long buffers, used again. V8 looks through all of its heap whenever some tens of megabytes outside of it have been
 * asked for, and the system gives a new one page by page; both cost more than all the rest that is done with one.
 */
export class BufferPool {
  readonly #keptBytesMax: number;
  readonly #allocate: (length: number) => Buffer;
  /** By length, which is a power of two. */
  readonly #kept = new Map<number, ArrayBufferLike[]>();
  #keptBytes = 0;
  /** What is given back twice would come to two takers. */
  readonly #taken = new WeakSet<Buffer>();

  /** `keptBytesMax`: what is kept for later, at most: no more than V8 lets lie about between two collections. */
  constructor(keptBytesMax = 32 * MIB, allocate: (length: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#keptBytesMax = keptBytesMax;
    this.#allocate = allocate;
  }

  /** A buffer with anything in it. Who does not give it back leaves it to V8. */
  take(length: number): Buffer {
    if (length < KEPT_LENGTH_MIN) return this.#allocate(length);
    const bytes = 2 ** Math.ceil(Math.log2(length));
    const kept = this.#kept.get(bytes)?.pop();
    if (kept !== undefined) this.#keptBytes -= bytes;
    const taken =
      kept === undefined ? this.#allocate(bytes).subarray(0, length) : Buffer.from(kept, 0, length);
    this.#taken.add(taken);
    return taken;
  }

  /** The beginning of one that was taken here, to be given back in place of all of it. */
  shorten(taken: Buffer, length: number): Buffer {
    const start = taken.subarray(0, length);
    if (this.#taken.delete(taken)) this.#taken.add(start);
    return start;
  }

  /** Takes one back that nobody will look at any more. One that was not taken here, or was given back, is left alone. */
  give(taken: Buffer): void {
    if (!this.#taken.delete(taken)) return;
    const { buffer } = taken;
    const bytes = buffer.byteLength;
    if (this.#keptBytes + bytes > this.#keptBytesMax) return;
    this.#keptBytes += bytes;
    const kept = this.#kept.get(bytes);
    if (kept === undefined) this.#kept.set(bytes, [buffer]);
    else kept.push(buffer);
  }
}

/** What pages are read into and written into. */
export const pageBuffers = new BufferPool(8 * MIB);
