import { crc32 } from 'node:zlib';
import { readSafe, writeSafe } from '../../integers.ts';
import {
  type ACK,
  ackBytes,
  END_BYTES,
  type MEMORY,
  type PushHead,
  type RecordHead,
  writeAck,
  writeEnd,
  writePushHead,
} from './record.ts';

/** Batches begin on a boundary of this many bytes, so that no write touches a page that holds flushed data. */
export const PAGE_BYTES = 4096;
export const FRAME_BYTES = 48;
/** A batch of more than one request is no longer. */
export const BATCH_BYTES_MAX = 1 << 20;
const MAGIC = 0x31_42_4e_45; // "ENB1"
/** Payloads from here on are written from where they are; smaller ones are copied, which is cheaper than a piece more. */
const COPY_BYTES_MAX = 32_768;
const ZEROS = Buffer.alloc(PAGE_BYTES);

/** What the store says of itself in each frame and head. */
export interface Stamp {
  /** The oldest segment that counts once this is flushed. */
  readonly oldest: number;
  /** The store's time, in Unix milliseconds. */
  readonly timeMs: number;
  /** Above every seq that was given out before. */
  readonly nextSeq: number;
}

/** What stands before the records of a batch. */
export interface Frame extends Stamp {
  /** Of the frame and its records, without the padding behind them. */
  readonly length: number;
  readonly records: number;
  /** CRC-32 of all record heads, one behind the other. */
  readonly headsCrc: number;
}

/** Where the fields of a frame stand. Its own checksum covers all that follows it. */
export const FRAME_AT = {
  crc: 4,
  length: 8,
  records: 12,
  headsCrc: 16,
  oldest: 20,
  timeMs: 24,
  nextSeq: 32,
  zero: 40,
} as const;

/** Up to the next page boundary. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Reads a frame; undefined if none of a file with this salt stands there. */
export function readFrame(from: Buffer, at: number, saltCrc: number): Frame | undefined {
  if (at + FRAME_BYTES > from.length || from.readUInt32LE(at) !== MAGIC) return undefined;
  const covered = from.subarray(at + FRAME_AT.length, at + FRAME_BYTES);
  if (from.readUInt32LE(at + FRAME_AT.crc) !== crc32(covered, saltCrc)) return undefined;
  return {
    length: from.readUInt32LE(at + FRAME_AT.length),
    records: from.readUInt32LE(at + FRAME_AT.records),
    headsCrc: from.readUInt32LE(at + FRAME_AT.headsCrc),
    oldest: from.readUInt32LE(at + FRAME_AT.oldest),
    timeMs: readSafe(from, at + FRAME_AT.timeMs),
    nextSeq: readSafe(from, at + FRAME_AT.nextSeq),
  };
}

/**
 * A batch that is being put together. Only one is in flight at a time, so one of these, with its buffer, serves a store
 * for good: `reset`, add records, `encode`, write what that gives, `reset`.
 */
export class Batch {
  readonly #staging: Buffer;
  /** Where the next byte goes, in the piece that is being filled. */
  #piece: Buffer;
  #from = 0;
  #to = FRAME_BYTES;
  #pieces: Uint8Array[] = [];
  #heads: Buffer[] = [];
  #headsCrc = 0;
  /** Of the frame and the records so far. */
  length = FRAME_BYTES;

  constructor(stagingBytes: number) {
    this.#staging = Buffer.allocUnsafeSlow(stagingBytes);
    this.#piece = this.#staging;
  }

  get records(): number {
    return this.#heads.length;
  }

  /** Bytes of the frame and of the heads. */
  get outlineBytes(): number {
    return this.#heads.reduce((sum, head) => sum + head.length, FRAME_BYTES);
  }

  reset(): void {
    this.#piece = this.#staging;
    this.#from = 0;
    this.#to = FRAME_BYTES;
    this.#pieces = [];
    this.#heads = [];
    this.#headsCrc = 0;
    this.length = FRAME_BYTES;
  }

  /** Adds a message; returns where in the batch its record begins. */
  addPush(push: PushHead, payload: Uint8Array, headBytes: number): number {
    this.#reserve(headBytes);
    writePushHead(this.#piece, this.#to, push);
    return this.#add(headBytes, payload);
  }

  /** Adds an ack or a memory; returns the same. */
  addAck(
    kind: typeof ACK | typeof MEMORY,
    ack: Pick<RecordHead, 'recipient' | 'words' | 'chunkIndex' | 'seq' | 'ms'>,
  ): number {
    const bytes = ackBytes(ack.recipient);
    this.#reserve(bytes);
    writeAck(this.#piece, this.#to, kind, ack);
    return this.#add(bytes);
  }

  addEnd(): void {
    this.#reserve(END_BYTES);
    writeEnd(this.#piece, this.#to);
    this.#add(END_BYTES);
  }

  /** Adds a record as it was read elsewhere in the log; returns the same. */
  addRaw(record: Uint8Array, headBytes: number): number {
    this.#reserve(headBytes);
    this.#piece.set(record.subarray(0, headBytes), this.#to);
    return this.#add(headBytes, record.subarray(headBytes));
  }

  /** The batch as it is to be written, padded to whole pages, for a file whose salt has this CRC. */
  encode(stamp: Stamp, saltCrc: number): Uint8Array[] {
    const at = this.#staging;
    at.writeUInt32LE(MAGIC, 0);
    at.writeUInt32LE(this.length, FRAME_AT.length);
    at.writeUInt32LE(this.records, FRAME_AT.records);
    at.writeUInt32LE(this.#headsCrc, FRAME_AT.headsCrc);
    at.writeUInt32LE(stamp.oldest, FRAME_AT.oldest);
    writeSafe(at, FRAME_AT.timeMs, stamp.timeMs);
    writeSafe(at, FRAME_AT.nextSeq, stamp.nextSeq);
    at.writeBigUInt64LE(0n, FRAME_AT.zero);
    at.writeUInt32LE(crc32(at.subarray(FRAME_AT.length, FRAME_BYTES), saltCrc), FRAME_AT.crc);
    const padding = ZEROS.subarray(0, padded(this.length) - this.length);
    return [...this.#pieces, this.#piece.subarray(this.#from, this.#to), padding].filter(
      (piece) => piece.length > 0,
    );
  }

  /** The finished frame and the heads: what the index of a segment keeps of a batch. */
  outline(): Buffer {
    return Buffer.concat([this.#staging.subarray(0, FRAME_BYTES), ...this.#heads]);
  }

  #add(headBytes: number, payload?: Uint8Array): number {
    const at = this.length;
    const head = this.#piece.subarray(this.#to, this.#to + headBytes);
    this.#heads.push(head);
    this.#headsCrc = crc32(head, this.#headsCrc);
    this.#to += headBytes;
    this.length += headBytes + (payload?.length ?? 0);
    if (payload === undefined || payload.length === 0) return at;
    if (payload.length <= COPY_BYTES_MAX && this.#to + payload.length <= this.#piece.length) {
      this.#piece.set(payload, this.#to);
      this.#to += payload.length;
    } else {
      this.#cut();
      this.#pieces.push(payload);
    }
    return at;
  }

  /** Makes room for a head, in a further buffer where the current one is full. */
  #reserve(bytes: number): void {
    if (this.#to + bytes <= this.#piece.length) return;
    this.#cut();
    this.#piece = Buffer.allocUnsafeSlow(Math.max(bytes, this.#staging.length));
    this.#from = 0;
    this.#to = 0;
  }

  #cut(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#piece.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
