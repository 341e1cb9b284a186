import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RelayError } from '../../errors.ts';
import type { Log as Logger } from '../../log.ts';
import type { Clock } from '../store.ts';
import { Batch, FRAME_BYTES, type Frame, PAGE_BYTES, padded } from './batch.ts';
import { type File, type Files, writeWhole } from './files.ts';
import {
  encodeSegmentHead,
  FIRST_BATCH,
  IndexBuilder,
  type LogPosition,
  SEAL_BYTES,
  segmentName,
} from './segment.ts';
import type { Segments } from './segments.ts';
import type { Spares } from './spares.ts';

/** Whose records a batch holds: how much of the reserve it may use. */
export type Purpose = 'push' | 'ack' | 'clean';

/**
 * Spares that are kept for a full disk. Pushes never use them; acks may use the first; the others, and the segment that is
 * being written once only one of them is left, are the cleaner's alone: it needs a little more than one segment to clean one
 * of which everything lives, and if it could not go on, nothing could.
 */
const RESERVE = 3;
const RESERVE_FOR_ACKS = 2;
/** The reserve and one ahead. */
const SPARES_AHEAD = RESERVE + 1;
const RETRY_MS = 1000;

/** The segment that is being written. */
export interface Tail {
  readonly number: number;
  readonly bytes: number;
  readonly file: File;
  readonly saltCrc: number;
  readonly index: IndexBuilder;
  /** Where the next batch begins. */
  end: number;
}

/** What `start` found. */
export interface LogStart {
  readonly tail: Tail | undefined;
  /** The oldest segment that counts. */
  readonly oldest: number;
  readonly flushed: LogPosition;
  /** No segment of this number or a higher one was ever there. */
  readonly nextNumber: number;
}

/** What the store says of itself in each frame and head. */
export type Stamp = () => Pick<Frame, 'timeMs' | 'nextSeq'>;

/** The writing end of the log: batches into segments, one after the other, each flushed before the next one is begun. */
export class Log {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #segmentBytes: number;
  readonly #spares: Spares;
  readonly #segments: Segments;
  readonly #stamp: Stamp;
  #tail: Tail | undefined;
  #oldest: number;
  #namedOldest: number;
  #flushed: LogPosition;
  #nextNumber: number;
  /** Segments that hold nothing that counts, to be removed once a later one is in use. */
  #void: number[] = [];
  #broken = false;
  #preparing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #attempt: Promise<void> | undefined;
  #closed = false;
  /** Bytes of batches that were not the cleaner's alone. */
  callerBytes = 0;
  batches = 0;
  flushSeconds = 0;
  flushFailures = 0;

  constructor(
    parts: {
      files: Files;
      clock: Clock;
      logger: Logger;
      segmentBytes: number;
      spares: Spares;
      segments: Segments;
      stamp: Stamp;
    },
    start: LogStart,
  ) {
    this.#files = parts.files;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#segmentBytes = parts.segmentBytes;
    this.#spares = parts.spares;
    this.#segments = parts.segments;
    this.#stamp = parts.stamp;
    this.#tail = start.tail;
    this.#oldest = start.oldest;
    this.#namedOldest = start.oldest;
    this.#flushed = start.flushed;
    this.#nextNumber = start.nextNumber;
  }

  /** The oldest segment that counts. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The same, as the last flushed batch names it: older files may be gone. */
  get namedOldest(): number {
    return this.#namedOldest;
  }

  /** The segment that is being written; 0 if none is. */
  get tailNumber(): number {
    return this.#tail?.number ?? 0;
  }

  /** Bytes that fit into the current segment. */
  get remaining(): number {
    return this.#tail === undefined ? 0 : this.#tail.bytes - SEAL_BYTES - this.#tail.end;
  }

  /** Bytes that fit into a segment of the usual length. */
  get capacity(): number {
    return this.#segmentBytes - FIRST_BATCH - SEAL_BYTES;
  }

  /** Whether only the reserve is left, so that a new segment is not there for everybody. */
  get tight(): boolean {
    return this.#spares.count <= RESERVE;
  }

  /** Whether so little is left on a full disk that only the cleaner may write. */
  get isCleanersOwn(): boolean {
    return this.full && this.#spares.count < RESERVE_FOR_ACKS;
  }

  /** Whether somebody may begin a segment now, as far as is known. */
  mayBegin(purpose: Purpose): boolean {
    return !this.full || this.#spares.count > this.#keptBack(purpose);
  }

  /** Whether segments that no longer count are on their way to make room. */
  get isMakingRoom(): boolean {
    return this.mustName || this.#segments.isDisposing;
  }

  /** Whether the last attempt to prepare a segment failed. */
  full = false;

  /** Whether a write or flush has failed and no batch was flushed since. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Whether a batch is due because segments wait to be named as no longer counting. */
  get mustName(): boolean {
    return this.#oldest !== this.#namedOldest;
  }

  get fileBytes(): number {
    return this.#segments.bytes + this.#spares.bytes;
  }

  /** Writes a batch and flushes it; resolves with where it begins. Throws `storage_error`; then nothing of it counts. */
  async append(batch: Batch, purpose: Purpose): Promise<LogPosition> {
    if (this.#broken || (purpose !== 'clean' && this.isCleanersOwn)) throw new RelayError('storage_error');
    return this.#append(batch, purpose);
  }

  /** Declares that a segment, and all before it, no longer counts; they go once a batch that says so is flushed. */
  retire(number: number): void {
    this.#oldest = number + 1;
  }

  /** Sees to it that spares are there; never rejects. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** Lets go of the files. The last batch was written before. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#attempt;
    await this.#preparing;
    await this.#segments.close();
    await this.#tail?.file.close();
  }

  async #append(batch: Batch, purpose: Purpose): Promise<LogPosition> {
    const bytes = padded(batch.length);
    if (bytes > this.remaining) await this.#rotate(purpose, bytes);
    const tail = this.#tail as Tail;
    const oldest = this.#oldest;
    const pieces = batch.finish({ ...this.#stamp(), oldest }, tail.saltCrc);
    const startMs = this.#clock.monotonicMs();
    try {
      await writeWhole(tail.file, pieces, tail.end);
      await tail.file.flush();
    } catch (error) {
      throw this.#fail(error);
    }
    this.flushSeconds += (this.#clock.monotonicMs() - startMs) / 1000;
    this.batches++;
    if (purpose !== 'clean') this.callerBytes += bytes;
    const position = tail.end;
    tail.index.add(position, batch.outlineBytes, () => batch.outline());
    tail.end += bytes;
    this.#flushed = { segment: tail.number, position: tail.end };
    this.#removeBefore(oldest);
    return { segment: tail.number, position };
  }

  /** Begins a new segment: the usual one, or for a batch that is too long for it one of its own length. */
  async #rotate(purpose: Purpose, bytes: number): Promise<void> {
    const ownLength = bytes > this.capacity ? FIRST_BATCH + bytes + SEAL_BYTES : undefined;
    const name = await (ownLength === undefined ? this.#takeSpare(purpose) : this.#createOwn(ownLength));
    const number = this.#nextNumber++;
    const fileBytes = ownLength ?? this.#segmentBytes;
    const salt = randomBytes(16);
    let file: File | undefined;
    let linked = false;
    try {
      file = await this.#files.open(name, 'write');
      const { timeMs, nextSeq } = this.#stamp();
      const head = {
        number,
        bytes: fileBytes,
        salt,
        nextSeq,
        oldest: this.#oldest,
        flushed: this.#flushed,
        timeMs,
      };
      await writeWhole(file, [encodeSegmentHead(head)], 0);
      await file.flush();
      await this.#files.link(name, segmentName(number));
      linked = true;
      await this.#files.flushDirectory();
      await this.#files.unlink(name);
    } catch (error) {
      await file?.close().catch(() => {});
      await this.#files.unlink(name).catch(() => {});
      if (linked) await this.#files.unlink(segmentName(number)).catch(() => {});
      throw this.#fail(error);
    }
    this.#segments.add(number, fileBytes);
    const last = this.#tail;
    const index = new IndexBuilder(fileBytes);
    this.#tail = { number, bytes: fileBytes, file, saltCrc: crc32(salt), index, end: FIRST_BATCH };
    await this.#seal(last);
    void this.prepare();
  }

  async #takeSpare(purpose: Purpose): Promise<string> {
    const ready = this.#spares.take(this.#keptBack(purpose));
    if (ready !== undefined) return ready;
    if (!this.full) await this.prepare();
    const name = this.#spares.take(this.#keptBack(purpose));
    if (name === undefined) throw new RelayError('storage_error');
    return name;
  }

  #keptBack(purpose: Purpose): number {
    if (this.#broken) return 0;
    if (!this.full || purpose === 'push') return RESERVE;
    return purpose === 'ack' ? RESERVE_FOR_ACKS : 0;
  }

  async #createOwn(bytes: number): Promise<string> {
    try {
      return await this.#spares.create(bytes);
    } catch (cause) {
      throw new RelayError('storage_error', undefined, { cause });
    }
  }

  /** Seals a segment, now that its successor is there. Without a seal it is as good; a start only takes longer. */
  async #seal(tail: Tail | undefined): Promise<void> {
    if (tail === undefined) return;
    try {
      if (!this.#broken) {
        const seal = tail.index.seal(tail.saltCrc, tail.bytes - tail.end);
        await writeWhole(tail.file, [seal], tail.bytes - seal.length);
        await tail.file.flush();
      }
    } catch (error) {
      this.#segments.mark(tail.number, 'tainted');
      this.#logger.warn({ err: error, file: segmentName(tail.number) }, 'a segment is left without a seal');
    }
    await tail.file.close().catch(() => {});
  }

  #removeBefore(oldest: number): void {
    if (oldest === this.#namedOldest && this.#void.length === 0) return;
    this.#namedOldest = oldest;
    for (const number of this.#segments.numbers) if (number < oldest) this.#segments.drop(number);
    for (const number of this.#void.splice(0)) this.#segments.drop(number);
  }

  /** After a failed write or flush: nothing more goes into that file; new ones are tried until one takes a batch. */
  #fail(cause: unknown): RelayError {
    this.flushFailures++;
    const tail = this.#tail;
    if (tail !== undefined) {
      this.#segments.mark(tail.number, 'tainted');
      if (tail.number !== this.#flushed.segment) this.#void.push(tail.number);
    }
    if (!this.#broken)
      this.#logger.error({ err: cause }, 'the disk failed; nothing is taken until it works again');
    this.#broken = true;
    this.#retry();
    return new RelayError('storage_error', undefined, { cause });
  }

  async #probe(): Promise<void> {
    try {
      await this.#spares.add().catch(() => {});
      await this.#rotate('clean', PAGE_BYTES);
      await this.#append(new Batch(FRAME_BYTES), 'clean');
    } catch {
      return;
    }
    this.#broken = false;
    this.#logger.info({}, 'the disk works again');
  }

  async #prepare(): Promise<void> {
    try {
      while (this.#spares.count < SPARES_AHEAD && !this.#closed) await this.#spares.add();
      if (this.full) this.#logger.info({}, 'there is room on the disk again');
      this.full = false;
    } catch (error) {
      if (!this.full)
        this.#logger.error({ err: error }, 'the disk is full; pushes are refused until there is room');
      this.full = true;
      this.#retry();
    }
  }

  /** Tries again in a second, whatever it is that failed; one attempt at a time. */
  #retry(): void {
    if (this.#closed) return;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#clock.after(RETRY_MS, () => {
      if (this.#attempt !== undefined) return;
      this.#attempt = (this.#broken ? this.#probe() : this.prepare()).finally(() => {
        this.#attempt = undefined;
        if (this.#broken) this.#retry();
      });
    });
  }
}
