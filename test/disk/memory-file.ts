import type { File } from '../../src/stores/disk/files.ts';

/** A file of a fixed length in memory that never fails. */
export class MemoryFile implements File {
  readonly bytes: Buffer;

  constructor(length: number) {
    this.bytes = Buffer.alloc(length);
  }

  put(pieces: readonly Uint8Array[], position: number): void {
    Buffer.concat(pieces).copy(this.bytes, position);
  }

  async size(): Promise<number> {
    return this.bytes.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.bytes.copy(into, 0, position, position + into.length);
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<number> {
    this.put(pieces, position);
    return pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
