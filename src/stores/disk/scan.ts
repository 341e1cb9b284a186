import { crc32 } from 'node:zlib';
import { FRAME_BYTES, type Frame, PAGE_BYTES, readFrame } from './batch.ts';
import type { File } from './files.ts';
import {
  expectedPayloadCrc,
  HEAD_BYTES_MAX,
  headBytesAt,
  isPush,
  keptBytesAt,
  type RecordHead,
  readHead,
} from './record.ts';
import { readSeal, type Seal } from './segment.ts';

const WINDOW_BYTES = 1 << 20;

/** A record, and where in its segment it begins. */
export interface FoundRecord {
  readonly head: RecordHead;
  readonly position: number;
}

/** A good frame, and where it was found. */
export interface FoundFrame {
  readonly position: number;
  readonly frame: Frame;
}

/** A batch as it was found, with a good frame and good heads. */
export interface FoundBatch extends FoundFrame {
  /** The heads of its records, one behind the other. */
  readonly heads: Buffer;
}

/** The records of a batch, an object each. */
export function recordsOf({ position, frame, heads }: FoundBatch): FoundRecord[] {
  const records: FoundRecord[] = [];
  let [at, recordAt] = [0, position + FRAME_BYTES];
  for (let left = frame.records; left > 0; left--) {
    const head = readHead(heads, at) as RecordHead;
    records.push({ head, position: recordAt });
    at += head.headBytes;
    recordAt += head.headBytes + head.keptBytes;
  }
  return records;
}

/** Reads a file front to back without its payloads, a window at a time. */
export class Scanner {
  readonly #file: File;
  readonly #saltCrc: number;
  readonly #fileBytes: number;
  /** What was read last, and behind it the heads of the batch that is looked at: nothing is copied faster than within a buffer. */
  #buffer: Buffer;
  readonly #headsAt: number;
  #headsBytes = 0;
  #start = 0;
  #window: Buffer;

  constructor(file: File, fileBytes: number, saltCrc: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#saltCrc = saltCrc;
    this.#headsAt = Math.min(WINDOW_BYTES, fileBytes);
    this.#buffer = Buffer.allocUnsafeSlow(this.#headsAt + HEAD_BYTES_MAX);
    this.#window = this.#buffer.subarray(0, 0);
  }

  /** The batch at a position, with heads that are there until another one is looked for; undefined if no good one begins there. */
  async batchAt(position: number): Promise<FoundBatch | undefined> {
    if (!this.#isLoaded(position, FRAME_BYTES)) await this.#load(position, FRAME_BYTES);
    const frame = readFrame(this.#window, position - this.#start, this.#saltCrc);
    if (frame === undefined || position + frame.length > this.#fileBytes) return undefined;
    const end = position + frame.length;
    let at = position + FRAME_BYTES;
    this.#headsBytes = 0;
    for (let left = frame.records; left > 0; left--) {
      const bytes = Math.min(HEAD_BYTES_MAX, end - at);
      const offset = this.#isLoaded(at, bytes) ? at - this.#start : await this.#load(at, bytes);
      const headBytes = headBytesAt(this.#window, offset);
      if (headBytes === 0) return undefined;
      this.#keepHead(offset, headBytes);
      at += headBytes + keptBytesAt(this.#window, offset);
      if (at > end) return undefined;
    }
    const heads = this.#buffer.subarray(this.#headsAt, this.#headsAt + this.#headsBytes);
    return at === end && crc32(heads) === frame.headsCrc ? { position, frame, heads } : undefined;
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
    const expected = expectedPayloadCrc(this.#window, headAt, head.headBytes);
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
  async areGood(batch: FoundBatch): Promise<boolean> {
    for (const record of recordsOf(batch)) if (!(await this.isGood(record))) return false;
    return true;
  }

  /** Reads anew what it looks at next. */
  forget(): void {
    this.#window = this.#buffer.subarray(0, 0);
  }

  #keepHead(offset: number, bytes: number): void {
    const at = this.#headsAt + this.#headsBytes;
    if (at + bytes > this.#buffer.length) this.#enlarge();
    this.#buffer.copyWithin(at, offset, offset + bytes);
    this.#headsBytes += bytes;
  }

  /** Makes twice the room for heads, which is enough for any one more. */
  #enlarge(): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length - this.#headsAt);
    this.#buffer.copy(larger);
    this.#window = larger.subarray(0, this.#window.length);
    this.#buffer = larger;
  }

  #isLoaded(position: number, bytes: number): boolean {
    const offset = position - this.#start;
    return offset >= 0 && offset + bytes <= this.#window.length;
  }

  /** Sees to it that so many bytes from a position on are in the window, as far as the file has them; returns where. */
  async #load(position: number, bytes: number): Promise<number> {
    if (this.#isLoaded(position, bytes)) return position - this.#start;
    const read = await this.#file.read(this.#buffer.subarray(0, this.#headsAt), position);
    this.#window = this.#buffer.subarray(0, read);
    this.#start = position;
    return 0;
  }
}

/** The seal of a segment, if it has one, and what reads the batches before it. */
export async function openScanner(
  file: File,
  fileBytes: number,
  saltCrc: number,
): Promise<{ readonly seal: Seal | undefined; readonly scanner: Scanner }> {
  const seal = await readSeal(file, fileBytes, saltCrc);
  return { seal, scanner: new Scanner(file, seal?.position ?? fileBytes, saltCrc) };
}

/** The batches of a segment's index, in order; undefined if one of them is not good. */
export function batchesOfIndex(index: Buffer, saltCrc: number): FoundBatch[] | undefined {
  const batches: FoundBatch[] = [];
  for (let at = 0; at < index.length; ) {
    const position = index.readUInt32LE(at);
    const frame = readFrame(index, at + 4, saltCrc);
    if (frame === undefined) return undefined;
    at += 4 + FRAME_BYTES;
    const from = at;
    for (let left = frame.records; left > 0; left--) {
      const headBytes = headBytesAt(index, at);
      if (headBytes === 0) return undefined;
      at += headBytes;
    }
    batches.push({ position, frame, heads: index.subarray(from, at) });
  }
  return batches;
}
