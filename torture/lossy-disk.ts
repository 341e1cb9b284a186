import { ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { below, chance, pick, type Random } from '../test/simulation/random.ts';
import type { ServedFile } from './fuse.ts';

/** What a disk writes as one, for most disks and for old ones. */
const UNIT_BYTES = 4_096;
const SECTOR_BYTES = 512;

interface Write {
  readonly data: Buffer;
  readonly position: number;
}

/** What a cut came to. */
export interface Cut {
  /** Units that were written and not flushed, and how many of them the disk has all the same. */
  readonly unflushed: number;
  readonly arrived: number;
}

/**
 * A disk that can lose its power. What is written is seen by reads, as from a disk's own cache; only a flush makes it
 * last. A cut keeps any of what was written since, each unit by itself and in any order, and all that came before.
 */
export class LossyDisk implements ServedFile {
  readonly bytes: number;
  /** Called after each write. */
  onWrite: () => void = () => {};
  readonly #seen: number;
  readonly #durable: number;
  #unflushed: Write[] = [];
  /** Written after the cut. */
  #late: Write[] = [];
  #isCut = false;

  /** Keeps two files in `directory`: the disk as it is seen, and as it would be found after a cut. */
  constructor(directory: string, bytes: number) {
    this.bytes = bytes;
    this.#seen = openSync(join(directory, 'seen.img'), 'w+', 0o600);
    this.#durable = openSync(join(directory, 'durable.img'), 'w+', 0o600);
    for (const file of [this.#seen, this.#durable]) ftruncateSync(file, bytes);
  }

  read(length: number, position: number): Buffer {
    const data = Buffer.alloc(Math.max(0, Math.min(length, this.bytes - position)));
    readSync(this.#seen, data, 0, data.length, position);
    return data;
  }

  write(data: Buffer, position: number): void {
    writeAll(this.#seen, data, position);
    const writes = this.#isCut ? this.#late : this.#unflushed;
    writes.push({ data, position });
    this.onWrite();
  }

  flush(): void {
    if (this.#isCut) return;
    for (const { data, position } of this.#unflushed) writeAll(this.#durable, data, position);
    this.#unflushed = [];
  }

  /** From here on nothing reaches the disk, whatever its user is told. */
  cut(): void {
    this.#isCut = true;
  }

  /** The power is back, and the disk is as the cut has left it. Nobody may be using it. */
  restore(random: Random): Cut {
    const arrival = pick(random, [0, 0.1, 0.5, 0.9, 1]);
    const units = piecesOf(this.#unflushed, chance(random, 0.3) ? SECTOR_BYTES : UNIT_BYTES);
    if (chance(random, 0.5)) shuffle(units, random);
    const arrived = units.filter(() => chance(random, arrival));
    for (const { data, position } of arrived) writeAll(this.#durable, data, position);
    for (const { data, position } of [...this.#unflushed, ...this.#late]) {
      readSync(this.#durable, data, 0, data.length, position);
      writeAll(this.#seen, data, position);
    }
    this.#unflushed = [];
    this.#late = [];
    this.#isCut = false;
    return { unflushed: units.length, arrived: arrived.length };
  }
}

function piecesOf(writes: readonly Write[], unitBytes: number): Write[] {
  return writes.flatMap(({ data, position }) => {
    const pieces: Write[] = [];
    for (let at = 0; at < data.length; at += unitBytes) {
      pieces.push({ data: Buffer.from(data.subarray(at, at + unitBytes)), position: position + at });
    }
    return pieces;
  });
}

function shuffle(items: Write[], random: Random): void {
  for (let index = items.length - 1; index > 0; index--) {
    const other = below(random, index + 1);
    [items[index], items[other]] = [items[other] as Write, items[index] as Write];
  }
}

function writeAll(file: number, data: Buffer, position: number): void {
  for (let done = 0; done < data.length; ) {
    done += writeSync(file, data, done, data.length - done, position + done);
  }
}
