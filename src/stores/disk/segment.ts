import { crc32 } from 'node:zlib';
import { readSafe, writeSafe } from '../../integers.ts';
import { PAGE_BYTES, type Stamp } from './batch.ts';
import type { File } from './files.ts';

/** Batches begin here; the head of the segment stands before. */
export const FIRST_BATCH = PAGE_BYTES;
/** No batch goes into the last page: the seal stands there, and its index reaches forward from it. */
export const SEAL_BYTES = PAGE_BYTES;
const MAGIC = Buffer.from('enigmaRL');
const VERSION = 2;
const HEAD_BYTES = 80;
const FOOTER_BYTES = 16;
/** In place of the length of an index, where none is kept. */
const NO_INDEX = 0xffff_ffff;
const FOOTER_MAGIC = 0x31_58_4e_45; // "ENX1"

/** A place in the log: a segment, and an offset in its file. Segment 0 is none. */
export interface LogPosition {
  readonly segment: number;
  readonly position: number;
}

/** What stands in the first page of a segment. */
export interface SegmentHead extends Stamp {
  readonly number: number;
  /** Length of the file. */
  readonly bytes: number;
  /** 16 random bytes; no batch of another life of this file passes its checksum. */
  readonly salt: Buffer;
  /** The last flushed position of the whole log before this segment: all between there and here is void. */
  readonly flushed: LogPosition;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(10, '0')}.seg`;
}

/** The number of a segment's file name; undefined if it is none. */
export function segmentNumber(name: string): number | undefined {
  return /^\d{10}\.seg$/.test(name) ? Number(name.slice(0, 10)) : undefined;
}

export function encodeSegmentHead(head: SegmentHead): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  MAGIC.copy(page);
  page.writeUInt32LE(VERSION, 8);
  page.writeUInt32LE(head.number, 12);
  writeSafe(page, 16, head.bytes);
  head.salt.copy(page, 24);
  writeSafe(page, 40, head.nextSeq);
  page.writeUInt32LE(head.oldest, 48);
  page.writeUInt32LE(head.flushed.segment, 52);
  writeSafe(page, 56, head.flushed.position);
  writeSafe(page, 64, head.timeMs);
  page.writeUInt32LE(crc32(page.subarray(0, HEAD_BYTES - 4)), HEAD_BYTES - 4);
  return page;
}

/** The format version of a segment's head, if it is another one than this program's. */
export function foreignVersion(page: Buffer): number | undefined {
  const version = isHead(page) ? page.readUInt32LE(8) : VERSION;
  return version === VERSION ? undefined : version;
}

/** Reads the head of a segment; undefined if the page holds none of this format version. */
export function decodeSegmentHead(page: Buffer): SegmentHead | undefined {
  if (!isHead(page) || page.readUInt32LE(8) !== VERSION) return undefined;
  return {
    number: page.readUInt32LE(12),
    bytes: readSafe(page, 16),
    salt: Buffer.from(page.subarray(24, 40)),
    nextSeq: readSafe(page, 40),
    oldest: page.readUInt32LE(48),
    flushed: { segment: page.readUInt32LE(52), position: readSafe(page, 56) },
    timeMs: readSafe(page, 64),
  };
}

function isHead(page: Buffer): boolean {
  if (page.length < HEAD_BYTES || !MAGIC.equals(page.subarray(0, 8))) return false;
  return page.readUInt32LE(HEAD_BYTES - 4) === crc32(page.subarray(0, HEAD_BYTES - 4));
}

/**
 * The seal of a segment that has a successor: an index, which is its batches without their payloads, and behind it a
 * footer, at the end of the file. The index spares a start the reading of payloads. It is a shortcut only, and given up where
 * heads are more than a sixth of the segment, as it would cost much room there and spare little.
 */
export class IndexBuilder {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #givenUp = false;

  constructor(segmentBytes: number) {
    this.#bytesMax = Math.floor(segmentBytes / 6);
  }

  /** Length of the seal with the index so far; 0 where there is none. */
  get sealBytes(): number {
    return this.#givenUp || this.#bytes === 0 ? 0 : this.#bytes + FOOTER_BYTES;
  }

  /** Adds a batch: its frame and heads. */
  add(position: number, outlineBytes: number, outline: () => Buffer): void {
    this.#bytes += 4 + outlineBytes;
    if (this.#bytes > this.#bytesMax) this.giveUp();
    if (this.#givenUp) return;
    const at = Buffer.alloc(4);
    at.writeUInt32LE(position);
    this.#parts.push(at, outline());
  }

  /** For a segment of which not every batch was added. */
  giveUp(): void {
    this.#givenUp = true;
    this.#parts = [];
  }

  /** The seal of a segment: what to write at the very end of its file, which has `room` bytes left. */
  seal(saltCrc: number, room: number): Buffer {
    const isKept = !this.#givenUp && this.#bytes + FOOTER_BYTES <= room;
    const seal = Buffer.concat([...(isKept ? this.#parts : []), Buffer.alloc(FOOTER_BYTES)]);
    const index = seal.subarray(0, -FOOTER_BYTES);
    const footer = seal.subarray(-FOOTER_BYTES);
    footer.writeUInt32LE(FOOTER_MAGIC, 0);
    footer.writeUInt32LE(isKept ? index.length : NO_INDEX, 4);
    footer.writeUInt32LE(crc32(index, saltCrc), 8);
    footer.writeUInt32LE(crc32(footer.subarray(0, 12), saltCrc), 12);
    return seal;
  }
}

/** What the end of a sealed segment says. */
export interface Seal {
  /** Where it begins. */
  readonly position: number;
  /** Undefined where none was kept, or a crash has cut its write short. */
  readonly index: Buffer | undefined;
}

/** Reads the seal of a segment; undefined if it has none. */
export async function readSeal(file: File, fileBytes: number, saltCrc: number): Promise<Seal | undefined> {
  const footerAt = fileBytes - FOOTER_BYTES;
  const footer = Buffer.alloc(FOOTER_BYTES);
  if ((await file.read(footer, footerAt)) !== FOOTER_BYTES) return undefined;
  if (footer.readUInt32LE(0) !== FOOTER_MAGIC) return undefined;
  if (footer.readUInt32LE(12) !== crc32(footer.subarray(0, 12), saltCrc)) return undefined;
  const indexBytes = footer.readUInt32LE(4);
  if (indexBytes > footerAt) return { position: footerAt, index: undefined };
  const index = Buffer.allocUnsafeSlow(indexBytes);
  const position = footerAt - indexBytes;
  const read = await file.read(index, position);
  const isGood = read === indexBytes && footer.readUInt32LE(8) === crc32(index, saltCrc);
  return { position, index: isGood ? index : undefined };
}
