import { below, chance, pick, type Random } from './random.ts';

/** What a disk writes as one; the page of the page cache, too. */
export const UNIT_BYTES = 4_096;
const SECTOR_BYTES = 512;
const ZEROS = Buffer.alloc(UNIT_BYTES);

/** A page of a file. Buffers are replaced, never written into, so that versions can be kept and compared. */
interface Unit {
  /** What reads see. */
  cached: Buffer;
  /** What survives a power cut. */
  durable: Buffer;
  /** What was written since, oldest first: each may have reached the disk, or not. */
  unflushed: Buffer[];
}

/** What a flush that has been called will make durable, once it is done. */
export interface FlushMark {
  readonly units: readonly { readonly unit: Unit; readonly version: Buffer }[];
  readonly size: number;
}

/** The contents and the size of one file, whatever its names are. */
export class Contents {
  size = 0;
  /** Handles that are open. */
  handles = 0;
  #durableSize = 0;
  #unflushedSizes: number[] = [];
  readonly #units = new Map<number, Unit>();

  /** Units that take space. */
  get allocated(): number {
    return this.#units.size;
  }

  /** How many of the units in this range take no space yet. */
  missing(position: number, length: number): number {
    let missing = 0;
    for (let index = first(position); index * UNIT_BYTES < position + length; index++) {
      if (!this.#units.has(index)) missing++;
    }
    return missing;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - position));
    for (let done = 0; done < length; ) {
      const { index, offset, count } = pieceAt(position + done, length - done);
      const unit = this.#units.get(index)?.cached ?? ZEROS;
      into.set(unit.subarray(offset, offset + count), done);
      done += count;
    }
    return length;
  }

  /** Keeps what it is given, which nobody may change afterwards. */
  write(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const { index, offset, count } = pieceAt(position + done, bytes.length - done);
      const piece = bytes.subarray(done, done + count);
      this.#put(index, count === UNIT_BYTES ? piece : patched(this.#units.get(index)?.cached, piece, offset));
      done += count;
    }
    if (position + bytes.length > this.size) this.#resize(position + bytes.length);
  }

  markFlush(): FlushMark {
    const units: { unit: Unit; version: Buffer }[] = [];
    for (const unit of this.#units.values()) {
      const version = unit.unflushed.at(-1);
      if (version !== undefined) units.push({ unit, version });
    }
    return { units, size: this.size };
  }

  flush({ units, size }: FlushMark): void {
    for (const { unit, version } of units) {
      const index = unit.unflushed.indexOf(version);
      if (index === -1) continue;
      unit.durable = version;
      unit.unflushed.splice(0, index + 1);
    }
    const index = this.#unflushedSizes.lastIndexOf(size);
    if (index === -1) return;
    this.#durableSize = size;
    this.#unflushedSizes.splice(0, index + 1);
  }

  /** A flush that fails: each page may have reached the disk or not, and counts as clean from now on. */
  failFlush(random: Random): void {
    for (const unit of this.#units.values()) {
      unit.durable = pick(random, [unit.durable, ...unit.unflushed]);
      unit.unflushed = [];
    }
    this.#durableSize = pick(random, [this.#durableSize, ...this.#unflushedSizes]);
    this.#unflushedSizes = [];
  }

  /** Pages that count as clean may leave the cache at any time; reads then see what is on the disk. */
  evict(random: Random): void {
    for (const unit of this.#units.values()) {
      if (unit.unflushed.length === 0 && chance(random, 0.5)) unit.cached = unit.durable;
    }
  }

  /** Flips a bit of a page that was flushed, if there is one: the disk does not keep what it said it had. */
  rot(random: Random): boolean {
    const flushed = [...this.#units.values()].filter(({ unflushed }) => unflushed.length === 0);
    if (flushed.length === 0) return false;
    const unit = pick(random, flushed);
    const rotten = Buffer.from(unit.cached);
    const at = below(random, UNIT_BYTES);
    rotten.writeUInt8(rotten.readUInt8(at) ^ (1 << below(random, 8)), at);
    unit.cached = rotten;
    unit.durable = rotten;
    return true;
  }

  /** What is left after a power cut, in which an unflushed page arrived with this probability. */
  afterPowerCut(random: Random, arrival: number): Contents {
    const left = new Contents();
    const sizes = [this.#durableSize, ...this.#unflushedSizes];
    left.size = chance(random, arrival) ? this.size : pick(random, sizes);
    left.#durableSize = left.size;
    for (const [index, unit] of this.#units) {
      const kept = left.size - index * UNIT_BYTES;
      if (kept <= 0) continue;
      const whole = survivor(unit, random, arrival);
      const durable = kept < UNIT_BYTES ? patched(undefined, whole.subarray(0, kept), 0) : whole;
      left.#units.set(index, { cached: durable, durable, unflushed: [] });
    }
    return left;
  }

  #put(index: number, bytes: Buffer): void {
    const version = ZEROS.equals(bytes) ? ZEROS : bytes;
    const unit = this.#units.get(index);
    if (unit === undefined) {
      this.#units.set(index, { cached: version, durable: ZEROS, unflushed: [version] });
      return;
    }
    unit.cached = version;
    unit.unflushed.push(version);
  }

  #resize(size: number): void {
    this.size = size;
    this.#unflushedSizes.push(size);
  }
}

function survivor({ durable, unflushed }: Unit, random: Random, arrival: number): Buffer {
  const last = unflushed.at(-1);
  if (last === undefined || unflushed.every((version) => version === durable || version.equals(durable)))
    return durable;
  if (chance(random, 0.1)) return torn(durable, last, random);
  return chance(random, arrival) ? last : pick(random, [durable, ...unflushed]);
}

/** A unit in which a piece is replaced. */
function patched(before: Buffer | undefined, piece: Buffer, offset: number): Buffer {
  const version = Buffer.from(before ?? ZEROS);
  version.set(piece, offset);
  return version;
}

/** A page that was being written when the power went: sectors of both versions, or noise. */
function torn(before: Buffer, after: Buffer, random: Random): Buffer {
  const page = Buffer.from(before);
  const noise = chance(random, 0.3);
  for (let at = 0; at < UNIT_BYTES; at += SECTOR_BYTES) {
    if (chance(random, 0.5)) after.copy(page, at, at, at + SECTOR_BYTES);
    if (noise && chance(random, 0.5)) page.fill(below(random, 256), at, at + SECTOR_BYTES);
  }
  return page;
}

function first(position: number): number {
  return Math.floor(position / UNIT_BYTES);
}

/** The part of a range that lies in its first unit. */
function pieceAt(position: number, length: number): { index: number; offset: number; count: number } {
  const index = first(position);
  const offset = position - index * UNIT_BYTES;
  return { index, offset, count: Math.min(length, UNIT_BYTES - offset) };
}
