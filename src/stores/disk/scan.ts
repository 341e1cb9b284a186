import { crc32 } from 'node:zlib';
import { FRAME_BYTES, type Frame, PAGE_BYTES, padded, readFrame } from './batch.ts';
import type { File } from './files.ts';
import { expectedPayloadCrc, HEAD_BYTES_MAX, isPush, type RecordHead, readHead } from './record.ts';

const WINDOW_BYTES = 1 << 20;

/** A record, and where in its segment it begins. */
export interface FoundRecord {
  readonly head: RecordHead;
  readonly position: number;
}

/** A batch as it was found, with a good frame and good heads. */
export interface FoundBatch {
  readonly position: number;
  readonly frame: Frame;
  readonly records: readonly FoundRecord[];
}

/** Reads a file front to back without its payloads, a window at a time. */
export class Scanner {
  readonly #file: File;
  readonly #saltCrc: number;
  readonly #fileBytes: number;
  readonly #buffer: Buffer;
  #start = 0;
  #window: Buffer;

  constructor(file: File, fileBytes: number, saltCrc: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#saltCrc = saltCrc;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, fileBytes));
    this.#window = this.#buffer.subarray(0, 0);
  }

  /** The batch at a position; undefined if no good one begins there. */
  async batchAt(position: number): Promise<FoundBatch | undefined> {
    const frame = await this.frameAt(position);
    if (frame === undefined || position + frame.length > this.#fileBytes) return undefined;
    const records: FoundRecord[] = [];
    const end = position + frame.length;
    let at = position + FRAME_BYTES;
    let headsCrc = 0;
    for (let left = frame.records; left > 0; left--) {
      const offset = await this.#load(at, Math.min(HEAD_BYTES_MAX, end - at));
      const head = readHead(this.#window, offset);
      if (head === undefined) return undefined;
      headsCrc = crc32(this.#window.subarray(offset, offset + head.headBytes), headsCrc);
      records.push({ head, position: at });
      at += head.headBytes + head.keptBytes;
      if (at > end) return undefined;
    }
    return at === end && headsCrc === frame.headsCrc ? { position, frame, records } : undefined;
  }

  /** The frame at a position, whether or not its records are good. */
  async frameAt(position: number): Promise<Frame | undefined> {
    const offset = await this.#load(position, FRAME_BYTES);
    return readFrame(this.#window, offset, this.#saltCrc);
  }

  /** The first good batch on a page boundary from a position on, and before another one. */
  async findBatch(from: number, before = this.#fileBytes): Promise<FoundBatch | undefined> {
    for (let position = from; position + FRAME_BYTES <= before; position += PAGE_BYTES) {
      const batch = await this.batchAt(position);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  /** Whether a record is as it was written; for an ack that is what the checksum of its batch says. */
  async isGood({ head, position }: FoundRecord): Promise<boolean> {
    if (!isPush(head)) return true;
    const headAt = await this.#load(position, head.headBytes);
    const expected = expectedPayloadCrc(this.#window, headAt, head);
    let crc = 0;
    const end = position + head.headBytes + head.keptBytes;
    for (let at = position + head.headBytes; at < end; at += WINDOW_BYTES) {
      const bytes = Math.min(WINDOW_BYTES, end - at);
      const offset = await this.#load(at, bytes);
      crc = crc32(this.#window.subarray(offset, offset + bytes), crc);
    }
    return crc === expected;
  }

  /** Whether every record of a batch is as it was written. */
  async areGood({ records }: FoundBatch): Promise<boolean> {
    for (const record of records) if (!(await this.isGood(record))) return false;
    return true;
  }

  /** The bytes of a batch, padding included. */
  async bytesOf({ position, frame }: FoundBatch): Promise<Buffer> {
    const bytes = Buffer.alloc(padded(frame.length));
    await this.#file.read(bytes, position);
    return bytes;
  }

  /** Reads anew what it looks at next. */
  forget(): void {
    this.#window = this.#buffer.subarray(0, 0);
  }

  /** Sees to it that so many bytes from a position on are in the window, as far as the file has them; returns where. */
  async #load(position: number, bytes: number): Promise<number> {
    const offset = position - this.#start;
    if (offset >= 0 && offset + bytes <= this.#window.length) return offset;
    const read = await this.#file.read(this.#buffer, position);
    this.#window = this.#buffer.subarray(0, read);
    this.#start = position;
    return 0;
  }
}

/** The batches of a segment's index, in order; undefined if one of them is not good. */
export function batchesOfIndex(index: Buffer, saltCrc: number): FoundBatch[] | undefined {
  const batches: FoundBatch[] = [];
  for (let at = 0; at < index.length; ) {
    const position = index.readUInt32LE(at);
    const frame = readFrame(index, at + 4, saltCrc);
    if (frame === undefined) return undefined;
    at += 4 + FRAME_BYTES;
    const records: FoundRecord[] = [];
    let recordPosition = position + FRAME_BYTES;
    for (let left = frame.records; left > 0; left--) {
      const head = readHead(index, at);
      if (head === undefined) return undefined;
      records.push({ head, position: recordPosition });
      at += head.headBytes;
      recordPosition += head.headBytes + head.keptBytes;
    }
    batches.push({ position, frame, records });
  }
  return batches;
}
