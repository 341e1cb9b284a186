import { randomBytes } from 'node:crypto';
import { RelayError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Clock } from '../store.ts';
import { Batch, FRAME_BYTES, PAGE_BYTES, padded, type Stamp } from './batch.ts';
import type { File, Files } from './files.ts';
import type { Recent } from './recent.ts';
import type { Purpose, Reserve } from './reserve.ts';
import { Retry } from './retry.ts';
import { Seals } from './seals.ts';
import { FIRST_BATCH, type LogPosition, SEAL_BYTES } from './segment.ts';
import type { Segments } from './segments.ts';
import { beginSegment, type Tail } from './tail.ts';

/** What a start found. */
export interface JournalStart {
  readonly tail: Tail | undefined;
  /** The oldest segment that counts. */
  readonly oldest: number;
  readonly flushed: LogPosition;
  /** No segment of this number or a higher one was ever there. */
  readonly nextNumber: number;
  /** Whether the log ends with a close. */
  readonly isClosed: boolean;
}

interface JournalParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly segmentBytes: number;
  readonly reserve: Reserve;
  readonly segments: Segments;
  readonly recent: Recent;
  readonly stamp: () => Omit<Stamp, 'oldest'>;
}

/**
 * The writing end of the log: batches into segments, one after the other, each flushed before the next one is begun.
 *
 * After a write or flush that failed nothing more goes into that file, nobody knows how much of it the disk has, and all
 * is refused until a new segment has taken a batch. Its head says up to where the log was flushed: what failed never comes
 * back, whatever of it has reached the disk.
 */
export class Journal {
  readonly #parts: JournalParts;
  readonly #segments: Segments;
  readonly #reserve: Reserve;
  readonly #retry: Retry;
  readonly #seals: Seals;
  #tail: Tail | undefined;
  #oldest: number;
  #namedOldest: number;
  #flushed: LogPosition;
  #nextNumber: number;
  /** Segments of which every batch failed, to be removed once a later one is in use. */
  #void: number[] = [];
  #broken = false;
  #isClosed: boolean;
  /** Bytes of batches that were not the cleaner's alone. */
  callerBytes = 0;
  batches = 0;
  flushSeconds = 0;
  flushFailures = 0;

  constructor(parts: JournalParts, start: JournalStart) {
    this.#parts = parts;
    this.#segments = parts.segments;
    this.#reserve = parts.reserve;
    this.#seals = new Seals(parts.segments, parts.logger);
    this.#retry = new Retry(parts.clock, () => this.#tryAgain());
    this.#reserve.onFull = () => this.#retry.later();
    this.#tail = start.tail;
    this.#oldest = start.oldest;
    this.#namedOldest = start.oldest;
    this.#flushed = start.flushed;
    this.#nextNumber = start.nextNumber;
    this.#isClosed = start.isClosed;
  }

  /** The oldest segment that counts. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The same, as the last flushed batch names it: older files may be gone. */
  get namedOldest(): number {
    return this.#namedOldest;
  }

  /** Up to where the log is on disk. */
  get flushed(): LogPosition {
    return this.#flushed;
  }

  /** Whether a batch is due because no flushed one says yet that retired segments do not count. */
  get hasUnnamed(): boolean {
    return this.#oldest !== this.#namedOldest;
  }

  /** The segment that is being written; 0 if none is. */
  get tailNumber(): number {
    return this.#tail?.number ?? 0;
  }

  /** Bytes that fit into the current segment. */
  get remaining(): number {
    return this.#tail?.remaining ?? 0;
  }

  /** Bytes that fit into a segment of the usual length. */
  get capacity(): number {
    return this.#parts.segmentBytes - FIRST_BATCH - SEAL_BYTES;
  }

  get fileBytes(): number {
    return this.#segments.bytes + this.#reserve.bytes;
  }

  /** Whether segments that no longer count are on their way to give their room back. */
  get isDisposing(): boolean {
    return this.#segments.isDisposing;
  }

  /** Whether the log ends with the close of an earlier run, as nothing was written since. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a write or flush has failed and no batch was flushed since. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Whether a batch of a padded length may be written now. One that needs a segment of its own may try, but for acks: most of
   * what a long one names may be missing.
   */
  async admits(purpose: Purpose, bytes: number): Promise<boolean> {
    if (bytes > this.capacity && purpose !== 'ack') return true;
    return this.#reserve.admits(purpose, bytes > this.remaining);
  }

  /** Writes a batch and flushes it; resolves with where it begins. Throws `storage_error`; then nothing of it counts. */
  async append(batch: Batch, purpose: Purpose): Promise<LogPosition> {
    if (this.#broken) throw new RelayError('storage_error');
    return this.#append(batch, purpose);
  }

  /** Begins the first segment of a new log; throws `storage_error`. */
  begin(): Promise<void> {
    return this.#beginSegment(PAGE_BYTES);
  }

  /** Declares that a segment, and all before it, no longer counts; they go once a batch that says so is flushed. */
  retire(number: number): void {
    this.#oldest = number + 1;
  }

  /** Lets go of the files. The last batch was written before. */
  async close(): Promise<void> {
    await Promise.all([this.#reserve.close(), this.#retry.close()]);
    await this.#seals.settled();
    await this.#segments.close();
    await this.#tail?.close();
  }

  async #append(batch: Batch, purpose: Purpose): Promise<LogPosition> {
    const bytes = padded(batch.length);
    if (!(await this.admits(purpose, bytes))) throw new RelayError('storage_error');
    if (bytes > this.remaining) await this.#beginSegment(bytes);
    const tail = this.#tail as Tail;
    this.#isClosed = false;
    const oldest = this.#oldest;
    const { clock, stamp } = this.#parts;
    const startMs = clock.monotonicMs();
    const position = await tail.append(batch, { ...stamp(), oldest }).catch((error) => {
      throw this.#fail(error);
    });
    this.flushSeconds += (clock.monotonicMs() - startMs) / 1000;
    this.batches++;
    if (purpose === 'push' || purpose === 'ack') this.callerBytes += bytes;
    this.#flushed = { segment: tail.number, position: tail.end };
    this.#removeBefore(oldest);
    return { segment: tail.number, position };
  }

  /** Begins a new segment: the usual one, or for a batch that is too long for it one of its own length. */
  async #beginSegment(batchBytes: number): Promise<void> {
    const { files, segmentBytes, recent, stamp } = this.#parts;
    const isUsual = batchBytes <= this.capacity;
    const bytes = isUsual ? segmentBytes : FIRST_BATCH + batchBytes + SEAL_BYTES;
    const prepared = await (isUsual ? this.#reserve.take() : this.#reserve.create(bytes));
    const number = this.#nextNumber++;
    const head = {
      number,
      bytes,
      salt: randomBytes(16),
      oldest: this.#oldest,
      flushed: this.#flushed,
      ...stamp(),
    };
    // While the disk is full, an index takes no room from messages.
    const leavesRoom = !this.#reserve.isFull;
    const next = await this.#openPrepared(prepared, isUsual)
      .then((file) => beginSegment(files, { name: prepared, file }, head, recent, leavesRoom))
      .catch((error) => {
        throw this.#fail(error);
      });
    this.#segments.add(number, bytes);
    const last = this.#tail;
    this.#tail = next;
    if (last !== undefined) this.#seals.leave(last, this.#broken);
    void this.#reserve.prepare();
  }

  /** One that is there and cannot be opened is as good as before: the reserve has it back. */
  async #openPrepared(name: string, isUsual: boolean): Promise<File> {
    try {
      return await this.#parts.files.open(name, 'write');
    } catch (error) {
      if (isUsual && (error as NodeJS.ErrnoException).code !== 'ENOENT') this.#reserve.giveBack(name);
      else await this.#parts.files.unlink(name).catch(() => {});
      throw error;
    }
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
      this.#parts.logger.error({ err: cause }, 'the disk failed; nothing is taken until it works again');
    this.#broken = true;
    this.#retry.later();
    return new RelayError('storage_error', undefined, { cause });
  }

  /** A second after the disk failed or was full. */
  async #tryAgain(): Promise<void> {
    await this.#segments.removeLeft();
    if (!this.#broken) return this.#reserve.prepare();
    try {
      await this.#reserve.tryToAdd();
      await this.#beginSegment(PAGE_BYTES);
      await this.#append(new Batch(FRAME_BYTES), 'probe');
      this.#broken = false;
      this.#parts.logger.info({}, 'the disk works again');
    } catch {
      this.#retry.later();
    }
  }
}
