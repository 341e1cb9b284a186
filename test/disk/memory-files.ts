import type { File, Files } from '../../src/stores/disk/files.ts';

/** A directory in memory that never fails; `contents` has the bytes of each file. */
export class MemoryFiles implements Files {
  readonly contents: Map<string, { bytes: Buffer }>;

  constructor(files: Iterable<readonly [string, Buffer]> = []) {
    this.contents = new Map([...files].map(([name, bytes]) => [name, { bytes }]));
  }

  /** A copy that shares nothing with this one. */
  copy(): MemoryFiles {
    return new MemoryFiles([...this.contents].map(([name, { bytes }]) => [name, Buffer.from(bytes)]));
  }

  bytesOf(name: string): Buffer {
    return this.#of(name).bytes;
  }

  list = async (): Promise<string[]> => [...this.contents.keys()];

  create = async (name: string): Promise<File> => {
    if (this.contents.has(name)) throw new Error(`EEXIST: ${name}`);
    this.contents.set(name, { bytes: Buffer.alloc(0) });
    return this.open(name);
  };

  open = async (name: string): Promise<File> => {
    const held = this.#of(name);
    return {
      size: async () => held.bytes.length,
      read: async (into, position) => held.bytes.subarray(position, position + into.length).copy(into),
      async write(pieces, position) {
        const written = Buffer.concat(pieces);
        const end = position + written.length;
        if (end > held.bytes.length) held.bytes = Buffer.concat([held.bytes], end);
        written.copy(held.bytes, position);
        return written.length;
      },
      async flush() {},
      async close() {},
    };
  };

  rename = async (from: string, to: string): Promise<void> => {
    this.contents.set(to, this.#of(from));
    this.contents.delete(from);
  };

  link = async (from: string, to: string): Promise<void> => {
    if (this.contents.has(to)) throw new Error(`EEXIST: ${to}`);
    this.contents.set(to, this.#of(from));
  };

  unlink = async (name: string): Promise<void> => {
    this.#of(name);
    this.contents.delete(name);
  };

  async flushDirectory(): Promise<void> {}

  /** The same directory, of which every file is used as `wrap` gives it. */
  wrapped(wrap: (file: File) => File): Files {
    const { list, create, rename, link, unlink } = this;
    const open = async (name: string): Promise<File> => wrap(await this.open(name));
    return { list, create, open, rename, link, unlink, flushDirectory: () => this.flushDirectory() };
  }

  #of(name: string): { bytes: Buffer } {
    const held = this.contents.get(name);
    if (held === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return held;
  }
}
