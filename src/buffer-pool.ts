/** What is kept for later, at most: no more than V8 lets lie about between two collections. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Long buffers, used again. V8 looks through all of its heap whenever some tens of megabytes outside of it have been
 * asked for, which costs more than all the rest that is done with a body.
 */
export class BufferPool {
  /** By length, which is a power of two. */
  readonly #kept = new Map<number, ArrayBuffer[]>();
  #keptBytes = 0;

  /** A buffer with anything in it. */
  take(length: number): Buffer {
    const bytes = 2 ** Math.ceil(Math.log2(length));
    const kept = this.#kept.get(bytes)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(bytes).subarray(0, length);
    this.#keptBytes -= bytes;
    return Buffer.from(kept, 0, length);
  }

  /** Takes one back that nobody will look at any more. */
  give({ buffer }: Buffer): void {
    const bytes = buffer.byteLength;
    if (this.#keptBytes + bytes > KEPT_BYTES_MAX) return;
    this.#keptBytes += bytes;
    const kept = this.#kept.get(bytes);
    if (kept === undefined) this.#kept.set(bytes, [buffer as ArrayBuffer]);
    else kept.push(buffer as ArrayBuffer);
  }
}
