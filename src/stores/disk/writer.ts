import { setImmediate as nextTurn } from 'node:timers/promises';
import { RelayError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Expiry } from '../expiry.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { Clock } from '../store.ts';
import type { StoreTime } from '../time.ts';
import { inTurns } from '../turns.ts';
import { Backlog } from './backlog.ts';
import { BATCH_BYTES_MAX, type Batch, FRAME_BYTES, padded } from './batch.ts';
import type { Cleaner } from './cleaner.ts';
import type { Journal } from './journal.ts';
import { Pace } from './pace.ts';
import { Queue } from './queue.ts';
import { type Decided, decide, type Request } from './requests.ts';
import type { Purpose, Reserve } from './reserve.ts';

/** After a batch of the cleaner's alone that failed. */
const RETRY_MS = 1000;

/**
 * One batch after the other: decides what waits, against everything that was decided before; writes and flushes it;
 * makes it visible; answers. Every answer, also one that says that nothing changed, waits for the batch in which it was
 * decided, as what it rests on may be in the same one.
 */
export class Writer {
  readonly backlog: Backlog;
  /** While what is on disk is made visible over several turns: pages wait for it. */
  settling: Promise<void> | undefined;
  readonly #mailboxes: Mailboxes;
  readonly #journal: Journal;
  readonly #reserve: Reserve;
  readonly #cleaner: Cleaner;
  readonly #pace: Pace;
  readonly #expiry: Expiry;
  readonly #logger: Logger;
  readonly #batch: Batch;
  readonly #time: StoreTime;
  readonly #batchBytesMax: number;
  readonly #queue = new Queue();
  #between: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #isRunning = false;
  /** Whether something was asked for since the last look. */
  #isAsked = false;
  /** What had been dropped because of the time when the last flushed batch, which names that time, was formed. */
  #namedDrops = 0;
  #isTickDue = false;
  /** Whether the batch has taken something from the cleaner. */
  #isMoving = false;
  #isClosing = false;

  constructor(parts: {
    mailboxes: Mailboxes;
    journal: Journal;
    reserve: Reserve;
    cleaner: Cleaner;
    expiry: Expiry;
    batch: Batch;
    time: StoreTime;
    clock: Clock;
    logger: Logger;
  }) {
    this.#mailboxes = parts.mailboxes;
    this.#journal = parts.journal;
    this.#reserve = parts.reserve;
    this.#cleaner = parts.cleaner;
    this.#pace = new Pace(parts);
    this.#expiry = parts.expiry;
    this.#logger = parts.logger;
    this.#batch = parts.batch;
    this.#time = parts.time;
    this.#batchBytesMax = Math.min(BATCH_BYTES_MAX, parts.journal.capacity);
    this.backlog = new Backlog(parts.clock);
  }

  /** Resolves with the answer once what it rests on is on disk. */
  submit<Answer>(request: Request<Answer>): Promise<Answer> {
    if (this.#journal.broken) return Promise.reject(new RelayError('storage_error'));
    this.backlog.add(request.bytesMax);
    return new Promise<Answer>((resolve, reject) => {
      this.#queue.add({ request, resolve, reject });
      this.#kick();
    });
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

  /** Finishes what waits, refuses what waits for room, and says in the log that nothing was on its way. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pace.close();
    while (this.#isRunning) await this.#running;
    await this.#cleaner.idle();
    this.#refuseWaiting(new RelayError('storage_error'));
    if (this.#journal.broken || this.#mayStayClosed) return;
    this.#batch.reset();
    this.#batch.addEnd();
    await this.#journal.append(this.#batch, 'clean').catch(() => {});
  }

  /**
   * Whether the log says already that it was closed, and nothing was dropped since. Else a close writes the time, below which the
   * next run does not begin; but on a full disk restarts must not use the reserve up.
   */
  get #mayStayClosed(): boolean {
    return this.#journal.isClosed && this.#reserve.isFull && this.#mailboxes.dropped === this.#namedDrops;
  }

  /** Looks at what waits, as something has changed. */
  wake(): void {
    if (this.#queue.length > 0) this.#kick();
  }

  #kick(): void {
    this.#isAsked = true;
    if (this.#isClosing || this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop shares the first batch.
    await nextTurn();
    do this.#isAsked = false;
    while ((await this.#writeNext()) || this.#isAsked);
    // In the same step as the look at what was asked for: what is submitted from here on begins another run.
    this.#isRunning = false;
  }

  /** Decides, writes and answers for one batch; false if there was nothing to write and nobody to answer. */
  async #writeNext(): Promise<boolean> {
    for (const job of this.#between.splice(0)) await job();
    this.#cleaner.retireCleaned();
    this.#batch.reset();
    const decided: Decided[] = [];
    this.#isMoving = false;
    try {
      this.#queue.beginBatch();
      const first = this.#queue.next?.request;
      const isAdmitted = first === undefined || (await this.#journal.admits(first.purpose, bytesOf(first)));
      // Not before: a segment may have had to be made, which takes its time.
      const nowMs = this.#time.now();
      const waits = !isAdmitted && first.purpose === 'ack' && this.#makesRoom();
      if (first !== undefined && !waits) await this.#decide(first, isAdmitted, decided, nowMs);
      const isIdle = decided.length === 0;
      const mayMove = !isIdle || this.#queue.length > 0 || this.#pace.isLull;
      if ((isAdmitted || waits) && mayMove) this.#isMoving = this.#cleaner.addTo(this.#batch, isIdle);
      if (!isIdle && isAdmitted) this.#pace.endLull(this.#isMoving);
      if (isIdle && this.#batch.records === 0 && !this.#isBatchDue) return false;
      await this.#commit(decided, nowMs);
      for (const { tell } of decided) tell();
    } catch (error) {
      this.#takeBack(decided, error);
      if (error instanceof RelayError) return true;
      this.#logger.error({ err: error }, 'a batch failed for a reason that there should not be');
      if (decided.length > 0) return true;
      // Whoever waits, and the cleaner, might meet the same again at once, in a loop that never ends.
      this.#cleaner.pause(RETRY_MS);
      this.#refuseWaiting(error);
      return false;
    } finally {
      this.backlog.remove(decided.reduce((sum, { request }) => sum + request.bytesMax, 0));
      if (!this.#isClosing) this.#pace.readAhead(() => this.#kick());
    }
    return true;
  }

  /** Whether a batch is due though nobody asks for one: for the time that it carries, or for the segments that it gives up. */
  get #isBatchDue(): boolean {
    return !this.#journal.broken && !this.#cleaner.isPaused && (this.#isTickDue || this.#journal.hasUnnamed);
  }

  /** Decides what waits, as far as it goes into one batch; where the first is not admitted, only what adds no record is not refused. */
  async #decide(first: Request, isAdmitted: boolean, decided: Decided[], nowMs: number): Promise<void> {
    const { remaining, capacity } = this.#journal;
    const beginsSegment = bytesOf(first) > remaining;
    const room = Math.min(beginsSegment ? capacity : remaining, this.#batchBytesMax);
    const isForAll = this.#reserve.servesAll(beginsSegment);
    for (let next = this.#queue.next; next !== undefined; next = this.#queue.next) {
      const { request } = next;
      const fits = padded(this.#batch.length + request.bytesMax) <= room;
      // Where only the reserve is left, what may not use it must not take others down with it.
      const isInGoodCompany = isForAll || (isAdmitted && request.purpose === first.purpose);
      if (request !== first && !(fits && isInGoodCompany)) break;
      this.#queue.take();
      const dropping = this.#expiry.dropDue(request.recipient, nowMs);
      if (dropping !== undefined) await dropping;
      const deciding = decide(next, this.#batch, nowMs, decided);
      if (deciding !== undefined) await deciding;
    }
  }

  /** Whether a full disk is about to have room: acks, which give more of it back, wait for that rather than be refused. */
  #makesRoom(): boolean {
    const { broken, isDisposing, hasUnnamed } = this.#journal;
    return !broken && (this.#cleaner.makesRoom() || isDisposing || (hasUnnamed && !this.#cleaner.isPaused));
  }

  /** Makes what was decided durable, then visible. */
  async #commit(decided: readonly Decided[], nowMs: number): Promise<void> {
    const drops = this.#mailboxes.dropped;
    let [segment, position] = [0, 0];
    if (this.#batch.records > 0 || this.#isBatchDue) {
      this.#isTickDue = false;
      ({ segment, position } = await this.#journal.append(this.#batch, this.#purposeOf(decided)));
      this.#namedDrops = drops;
    }
    try {
      this.settling = inTurns((max) => this.#mailboxes.settle(nowMs, segment, position, max));
      await this.settling;
    } finally {
      this.settling = undefined;
    }
  }

  #purposeOf(decided: readonly Decided[]): Purpose {
    if (decided.some(({ request }) => request.purpose === 'push')) return 'push';
    const isCleaners = decided.length === 0 && (this.#batch.records > 0 || this.#journal.hasUnnamed);
    return isCleaners ? 'clean' : 'ack';
  }

  #refuseWaiting(error: unknown): void {
    for (const { request, reject } of this.#queue.drain()) {
      this.backlog.remove(request.bytesMax);
      reject(error);
    }
  }

  /** The batch failed, so that nothing of it counts. */
  #takeBack(decided: readonly Decided[], error: unknown): void {
    this.#mailboxes.undo();
    if (this.#purposeOf(decided) === 'clean') this.#cleaner.pause(RETRY_MS);
    else if (this.#isMoving) this.#cleaner.restart();
    for (const { reject } of decided) reject(error);
  }
}

/** Of a batch with this request alone. */
function bytesOf({ bytesMax }: Request): number {
  return padded(FRAME_BYTES + bytesMax);
}
