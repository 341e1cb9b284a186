import type { File, Files } from '../../src/stores/disk/files.ts';
import { Contents, UNIT_BYTES } from './contents.ts';
import { Names } from './names.ts';
import { type OperationKind, Operations, type Steps } from './operations.ts';
import { below, pick, type Random } from './random.ts';

/**
 * A disk in memory that can lose its power. Its operations wait until a seed completes them, in any order. What was not flushed is lost, kept or torn by `powerCut`, page by page and name by
 * name; `kill` ends the process only, and the page cache survives it.
 */
export class SimulatedDisk {
  readonly operations: Operations;
  readonly files: Files = {
    list: () => this.#list(),
    create: (name) => this.#create(name),
    open: (name, access) => this.#open(name, access),
    rename: (from, to) => this.#rename(from, to),
    link: (from, to) => this.#link(from, to),
    unlink: (name) => this.#unlink(name),
    flushDirectory: () => this.#flushDirectory(),
  };
  /** Space, in units. */
  capacity = Number.POSITIVE_INFINITY;
  readonly #random: Random;
  readonly #names: Names;
  /** What lost a name and may still be open. */
  readonly #unnamed = new Set<Contents>();

  constructor(random: Random, names: Names = new Names()) {
    this.operations = new Operations(random);
    this.#random = random;
    this.#names = names;
  }

  /** Units in use, by names and by open files that have none any more. */
  get used(): number {
    let used = 0;
    const open = [...this.#unnamed].filter((contents) => contents.handles > 0);
    for (const contents of new Set([...this.#names.current.values(), ...open])) used += contents.allocated;
    return used;
  }

  /** Ends the process: what it has written is in the page cache, what it was doing is done in part. */
  kill(): SimulatedDisk {
    this.operations.stop();
    for (const contents of this.#names.current.values()) {
      contents.handles = 0;
      contents.evict(this.#random);
    }
    return this.#successor(this.#names);
  }

  /** Cuts the power: what is not flushed arrives or not, with a probability of its own for each power cut. */
  powerCut(): SimulatedDisk {
    this.operations.stop();
    const arrival = pick(this.#random, [0, 0.1, 0.5, 0.9, 1]);
    return this.#successor(this.#names.afterPowerCut(this.#random, arrival));
  }

  /** Flips a bit in a segment that has a successor, if there is one: the last batch of the log would be taken for a torn one. */
  rot(): boolean {
    const segments = [...this.#names.current.keys()].filter((name) => name.endsWith('.seg')).sort();
    const [name] = segments.splice(below(this.#random, Math.max(1, segments.length - 1)), 1);
    return name !== undefined && segments.length > 0 && this.#contents(name).rot(this.#random);
  }

  #list(): Promise<string[]> {
    return this.operations.call('list', { effect: () => [...this.#names.current.keys()] });
  }

  #create(name: string): Promise<File> {
    return this.operations.call('create', {
      effect: (fault) => {
        if (this.#names.current.has(name)) throw diskError('EEXIST', name);
        if (fault === 'ENOSPC' || this.used >= this.capacity) throw diskError('ENOSPC', name);
        const contents = new Contents();
        this.#names.change({ added: { name, contents } });
        return this.#handle(contents, 'write');
      },
    });
  }

  #open(name: string, access: 'read' | 'write'): Promise<File> {
    return this.operations.call('open', { effect: () => this.#handle(this.#contents(name), access) });
  }

  #rename(from: string, to: string): Promise<void> {
    return this.operations.call('rename', {
      effect: () => {
        const contents = this.#contents(from);
        this.#unname(to);
        this.#names.change({ removed: from, added: { name: to, contents } });
      },
    });
  }

  #link(from: string, to: string): Promise<void> {
    return this.operations.call('link', {
      effect: (fault) => {
        const contents = this.#contents(from);
        if (this.#names.current.has(to)) throw diskError('EEXIST', to);
        if (fault === 'ENOSPC') throw diskError('ENOSPC', to);
        this.#names.change({ added: { name: to, contents } });
      },
    });
  }

  #unlink(name: string): Promise<void> {
    return this.operations.call('unlink', {
      effect: () => {
        this.#contents(name);
        this.#unname(name);
        this.#names.change({ removed: name });
      },
    });
  }

  #flushDirectory(): Promise<void> {
    const mark = this.#names.markFlush();
    return this.operations.call('flushDirectory', {
      effect: (fault) => {
        if (fault === 'EIO') throw diskError('EIO', '.');
        this.#names.flush(mark);
      },
    });
  }

  #handle(contents: Contents, access: 'read' | 'write'): File {
    contents.handles++;
    let open = true;
    const operate = <T>(kind: OperationKind, steps: Steps<T>): Promise<T> => {
      const refused = !open
        ? 'EBADF: closed'
        : access === 'read' && kind === 'write'
          ? 'EBADF: read-only'
          : undefined;
      return refused === undefined
        ? this.operations.call(kind, steps)
        : Promise.reject(new Error(`${refused}, ${kind}`));
    };
    return {
      size: () => operate('size', { effect: () => contents.size }),
      read: (into, position) => operate('read', this.#read(contents, into, position)),
      write: (pieces, position) => operate('write', this.#write(contents, Buffer.concat(pieces), position)),
      flush: () => operate('flush', this.#flush(contents)),
      close: () => {
        const closed = operate('close', { effect: () => void contents.handles-- });
        open = false;
        return closed;
      },
    };
  }

  #read(contents: Contents, into: Uint8Array, position: number): Steps<number> {
    return {
      effect: (fault) => {
        if (fault === 'EIO') throw diskError('EIO', 'read');
        return contents.read(into, position);
      },
    };
  }

  #write(contents: Contents, bytes: Buffer, position: number): Steps<number> {
    const writePart = () => contents.write(bytes.subarray(0, below(this.#random, bytes.length)), position);
    return {
      effect: (fault) => {
        if (fault === 'ENOSPC') throw diskError('ENOSPC', 'write');
        if (fault === 'EIO') {
          writePart();
          throw diskError('EIO', 'write');
        }
        let length = fault === 'short' ? below(this.#random, bytes.length) : bytes.length;
        const free = Math.max(0, this.capacity - this.used);
        while (length > 0 && contents.missing(position, length) > free) length -= UNIT_BYTES;
        if (length <= 0 && bytes.length > 0) throw diskError('ENOSPC', 'write');
        contents.write(bytes.subarray(0, length), position);
        return length;
      },
      part: writePart,
    };
  }

  #flush(contents: Contents): Steps<void> {
    const mark = contents.markFlush();
    return {
      effect: (fault) => {
        if (fault !== 'EIO') return contents.flush(mark);
        contents.failFlush(this.#random);
        throw diskError('EIO', 'flush');
      },
    };
  }

  #successor(names: Names): SimulatedDisk {
    const successor = new SimulatedDisk(this.#random, names);
    successor.capacity = this.capacity;
    return successor;
  }

  #contents(name: string): Contents {
    const contents = this.#names.current.get(name);
    if (contents === undefined) throw diskError('ENOENT', name);
    return contents;
  }

  #unname(name: string): void {
    const contents = this.#names.current.get(name);
    if (contents !== undefined) this.#unnamed.add(contents);
  }
}

function diskError(code: string, name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, '${name}'`), { code });
}
