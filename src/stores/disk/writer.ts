import { RelayError } from '../../errors.ts';
import type { Log as Logger } from '../../log.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { Clock } from '../store.ts';
import type { StoreTime } from '../time.ts';
import { Backlog } from './backlog.ts';
import { type Batch, FRAME_BYTES, padded } from './batch.ts';
import type { Cleaner } from './cleaner.ts';
import type { Journal } from './journal.ts';
import type { Purpose, Reserve } from './reserve.ts';

const BATCH_BYTES_MAX = 1 << 20;
/** What the cleaner may add to a batch: this much, or twice what callers add if that is less. */
const CLEAN_BYTES_MAX = 262_144;
const CLEAN_BYTES_MIN = 16_384;
/** After a batch of the cleaner's that found no room. */
const RETRY_MS = 1000;

/** Something that a caller wants written. */
export interface Request {
  readonly purpose: 'push' | 'ack';
  /** Bound of the records that it adds. */
  readonly bytesMax: number;
  /** Decides it, adds its records to the batch, and returns its answer; throws `RelayError` for a refusal. */
  readonly decide: (batch: Batch, nowMs: number) => unknown;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** A request and what was decided; it is told once the batch is on disk. */
interface Decided {
  readonly request: Request;
  readonly tell: () => void;
}

/**
 * One batch after the other: decides what waits, against everything that was decided before; writes and flushes it;
 * makes it visible; answers. Every answer, also one that says that nothing changed, waits for the batch in which it was
 * decided, as what it rests on may be in the same one.
 */
export class Writer {
  readonly backlog: Backlog;
  readonly #mailboxes: Mailboxes;
  readonly #journal: Journal;
  readonly #reserve: Reserve;
  readonly #cleaner: Cleaner;
  readonly #batch: Batch;
  readonly #time: StoreTime;
  readonly #logger: Logger;
  readonly #batchBytesMax: number;
  #queue: Request[] = [];
  #between: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #isRunning = false;
  /** What had been dropped because of the time when the last flushed batch, which names that time, was formed. */
  #namedDrops = 0;
  #isTickDue = false;
  #isClosing = false;

  constructor(parts: {
    mailboxes: Mailboxes;
    journal: Journal;
    reserve: Reserve;
    cleaner: Cleaner;
    batch: Batch;
    time: StoreTime;
    clock: Clock;
    logger: Logger;
  }) {
    this.#mailboxes = parts.mailboxes;
    this.#journal = parts.journal;
    this.#reserve = parts.reserve;
    this.#cleaner = parts.cleaner;
    this.#batch = parts.batch;
    this.#time = parts.time;
    this.#logger = parts.logger;
    this.#batchBytesMax = Math.min(BATCH_BYTES_MAX, parts.journal.capacity);
    this.backlog = new Backlog(parts.clock);
  }

  submit(request: Request): void {
    if (this.#journal.broken) {
      request.reject(new RelayError('storage_error'));
      return;
    }
    this.backlog.add(request.bytesMax);
    this.#queue.push(request);
    this.#kick();
  }

  /** Writes an empty batch, which carries the time, if anything was dropped because of the time since the last one. */
  tick(): void {
    this.#isTickDue = this.#mailboxes.dropped !== this.#namedDrops;
    this.#kick();
  }

  /** Runs a job while no batch is on its way. */
  between<Result>(job: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#between.push(() => job().then(resolve, reject));
      this.#kick();
    });
  }

  /** Finishes what waits, and says in the log that nothing was on its way. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#isRunning) await this.#running;
    await this.#cleaner.idle();
    if (this.#journal.broken) return;
    this.#batch.reset();
    this.#batch.addEnd();
    await this.#journal.append(this.#batch, 'clean').catch(() => {});
  }

  /** Looks at what waits, as something has changed. */
  wake(): void {
    if (this.#queue.length > 0) this.#kick();
  }

  #kick(): void {
    if (this.#isClosing || this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop shares the first batch.
    await new Promise<void>((next) => setImmediate(next));
    for (;;) {
      for (const job of this.#between.splice(0)) await job();
      this.#cleaner.retireCleaned();
      this.#batch.reset();
      // After a start or a failure it is not known yet whether the disk has room for what is missing of the reserve.
      if (this.#reserve.isBegun && !this.#reserve.isFull) await this.#reserve.prepare();
      const nowMs = this.#time.now();
      if (this.#reserve.isBegun) this.#refusePushes(nowMs);
      const decided = this.#reserve.isCleanersOwn && this.#isMakingRoom ? [] : this.#decide(nowMs);
      const isIdle = decided.length === 0;
      this.#clean(isIdle);
      if (isIdle && this.#batch.records === 0 && !this.#isBatchDue) break;
      await this.#commit(decided, nowMs);
      this.#readAhead();
    }
    // In the same step as the look at an empty queue: what is submitted from here on must begin another run.
    this.#isRunning = false;
    this.#readAhead();
  }

  /** Whether a batch is due though nobody asks for one: for the time that it carries, or for the segments that it gives up. */
  get #isBatchDue(): boolean {
    return !this.#journal.broken && !this.#cleaner.isPaused && (this.#isTickDue || this.#journal.hasUnnamed);
  }

  /** Whether a full disk is about to have room: acks, which give more of it back, wait for that rather than be refused. */
  get #isMakingRoom(): boolean {
    return !this.#cleaner.isPaused && (this.#cleaner.isWorking || this.#journal.isMakingRoom);
  }

  /**
   * Answers the pushes that wait while the reserve is in use: what would be stored is refused, as acks and the cleaner need
   * the room that is left. If pushes filled it, nothing could be written any more, and no ack could give anything back.
   */
  #refusePushes(nowMs: number): void {
    const pushes = this.#queue.filter(({ purpose }) => purpose === 'push');
    this.#queue = this.#queue.filter(({ purpose }) => purpose !== 'push');
    for (const request of pushes) {
      const { tell } = this.#decideOne(request, nowMs);
      if (this.#batch.records === 0) {
        this.#mailboxes.settle(nowMs, 0, 0);
        tell();
      } else {
        this.#mailboxes.undo();
        this.#batch.reset();
        request.reject(new RelayError('storage_error'));
      }
    }
    this.backlog.remove(pushes.reduce((sum, { bytesMax }) => sum + bytesMax, 0));
  }

  /** Decides what waits, as far as it goes into one batch. */
  #decide(nowMs: number): Decided[] {
    const decided: Decided[] = [];
    let room = this.#journal.remaining;
    let taken = 0;
    while (taken < this.#queue.length) {
      const request = this.#queue[taken] as Request;
      const bytes = padded(this.#batch.length + request.bytesMax);
      const beginsSegment = taken === 0 && bytes > room;
      if (beginsSegment && request.purpose === 'ack' && !this.#reserve.mayTake('ack') && this.#isMakingRoom)
        break;
      if (beginsSegment) room = Math.max(bytes, this.#journal.capacity);
      if (taken > 0 && (bytes > room || bytes > this.#batchBytesMax)) break;
      decided.push(this.#decideOne(request, nowMs));
      taken++;
      // Where only the reserve is left, a new segment is not there for everybody: who needs one tries alone.
      if (beginsSegment && this.#reserve.isAllThereIs) break;
    }
    this.#queue.splice(0, taken);
    return decided;
  }

  #decideOne(request: Request, nowMs: number): Decided {
    try {
      const answer = request.decide(this.#batch, nowMs) as never;
      return { request, tell: () => request.resolve(answer) };
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      return { request, tell: () => request.reject(error) };
    }
  }

  /** Adds what the cleaner has read, at a pace that callers hardly notice unless there is far too much. */
  #clean(isIdle: boolean): void {
    if (!this.#cleaner.hasLoaded) return;
    const { remaining, capacity } = this.#journal;
    const callers = this.#batch.length - FRAME_BYTES;
    const isBehind = isIdle || this.#cleaner.excessBytes > 2 * capacity;
    const paced = Math.min(CLEAN_BYTES_MAX, Math.max(CLEAN_BYTES_MIN, 2 * callers));
    this.#cleaner.addTo(this.#batch, isBehind ? CLEAN_BYTES_MAX : paced, (bytes) => {
      return padded(bytes) <= remaining || (isIdle && this.#batch.records === 0);
    });
  }

  async #commit(decided: readonly Decided[], nowMs: number): Promise<void> {
    const drops = this.#mailboxes.dropped;
    const mustWrite = this.#batch.records > 0 || this.#isBatchDue;
    try {
      const at = mustWrite
        ? await this.#journal.append(this.#batch, purposeOf(decided))
        : { segment: 0, position: 0 };
      this.#mailboxes.settle(nowMs, at.segment, at.position);
      if (mustWrite) this.#namedDrops = drops;
      for (const { tell } of decided) tell();
    } catch (error) {
      this.#mailboxes.undo();
      if (decided.length === 0) this.#cleaner.pause(RETRY_MS);
      else this.#cleaner.restart();
      for (const { request } of decided) request.reject(error);
    }
    this.#isTickDue = false;
    this.backlog.remove(decided.reduce((sum, { request }) => sum + request.bytesMax, 0));
  }

  /** Has the cleaner read what it will add to the next batches. */
  #readAhead(): void {
    if (this.#isClosing) return;
    this.#cleaner.load()?.then(
      () => this.#kick(),
      (error) => {
        this.#cleaner.pause(60_000);
        this.#logger.warn({ err: error }, 'the cleaner could not read; it tries again in a minute');
        this.#kick();
      },
    );
  }
}

function purposeOf(decided: readonly Decided[]): Purpose {
  if (decided.some(({ request }) => request.purpose === 'push')) return 'push';
  return decided.length > 0 ? 'ack' : 'clean';
}
