import { pageBuffers } from '../../buffer-pool.ts';
import type { Slots } from '../mailboxes/slots.ts';
import type { FailedReads } from './failed-reads.ts';
import type { File } from './files.ts';
import { checkRecord, type KeptRecord, recordChecker } from './kept-record.ts';
import type { ReadThread } from './read-thread.ts';
import type { Recent } from './recent.ts';
import { type Run, runsOf, type Wanted } from './runs.ts';
import type { Segments } from './segments.ts';

/** So many runs are not read one by one. */
const SCATTERED_RUNS_MIN = 8;

export interface ReadRecords {
  /**
   * In the order of their slots, checked; undefined for one that is not what its slot says, or that counts as lost, as the
   * disk has given nothing but errors for long.
   */
  readonly records: readonly (KeptRecord | undefined)[];
  /** For who is done with the records early: others are read into their memory from then on. */
  readonly release: () => void;
}

export interface Reader {
  /**
   * Reads the records of live messages. Where they stand is looked up before anything is awaited, and their segments stay where
   * they are until they are read. Rejects where the disk gives an error for one.
   */
  read(slots: readonly number[], recipientOf: (slot: number) => string): Promise<ReadRecords>;
}

export interface ReaderParts {
  readonly segments: Segments;
  readonly recent: Recent;
  readonly slots: Slots;
  readonly failedReads: FailedReads;
  /** Where other threads can read the files. */
  readonly thread: ReadThread | undefined;
}

export function createReader(parts: ReaderParts): Reader {
  const { slots } = parts;
  return {
    async read(wantedSlots, recipientOf) {
      const wanted = wantedSlots.map((slot, index) => ({
        index,
        seq: slots.seq.get(slot),
        recipient: recipientOf(slot),
        segment: slots.segment.get(slot),
        position: slots.position.get(slot),
        bytes: slots.recordBytes.get(slot),
      }));
      const reading = new Reading(parts, wanted.length);
      await reading.read(runsOf(wanted));
      return reading;
    },
  };
}

/** Descriptors of segments, by their numbers. */
type Fds = Map<number, number | undefined>;

/** A read on its way: what it has found, and where it may be let go of. */
class Reading implements ReadRecords {
  readonly records: (KeptRecord | undefined)[];
  readonly #parts: ReaderParts;
  readonly #releases: (() => void)[] = [];

  constructor(parts: ReaderParts, length: number) {
    this.#parts = parts;
    this.records = new Array(length).fill(undefined);
  }

  readonly release = (): void => {
    for (const release of this.#releases) release();
  };

  async read(all: readonly Run[]): Promise<void> {
    const { thread } = this.#parts;
    const runs = all.filter((run) => !this.#recall(run));
    if (thread === undefined || runs.length < SCATTERED_RUNS_MIN) await this.#readEach(runs);
    else await this.#readScattered(runs, thread);
  }

  /** Takes the records of a run from memory; false if they are not all there, and good. */
  #recall(run: Run): boolean {
    const { segment, from, to } = run;
    const written = this.#parts.recent.find(segment, from, to);
    if (written === undefined) return false;
    const bytes = this.#take(to - from);
    written.copy(bytes);
    this.#check(run, recordChecker(bytes));
    return run.wanted.every(({ index }) => this.records[index] !== undefined);
  }

  /** Reads many runs in one trip; those that are not got whole are then read as few are. */
  async #readScattered(runs: readonly Run[], thread: ReadThread): Promise<void> {
    const numbers = new Set(runs.map(({ segment }) => segment));
    const lent = [...numbers].map((number) => ({ number, ...this.#parts.segments.lend(number) }));
    try {
      const fds: Fds = new Map();
      await Promise.all(lent.map(async ({ number, file }) => fds.set(number, (await file).fd)));
      await this.#readEach(await this.#readTrip(runs, fds, thread));
    } finally {
      for (const { release } of lent) release();
    }
  }

  /** Returns the runs that it did not get whole. */
  async #readTrip(runs: readonly Run[], fds: Fds, thread: ReadThread): Promise<readonly Run[]> {
    const places = runs.map(({ segment, from, to }) => ({
      fd: fds.get(segment) ?? -1,
      position: from,
      bytes: to - from,
    }));
    const read = await thread.read(places);
    if (read === undefined) return runs;
    this.#releases.push(read.release);
    const check = recordChecker(read.bytes);
    const left: Run[] = [];
    for (const [index, run] of runs.entries()) {
      const start = read.starts[index];
      if (start === undefined) left.push(run);
      else this.#check(run, check, start);
    }
    return left;
  }

  async #readEach(runs: readonly Run[]): Promise<void> {
    const outcomes = await Promise.allSettled(runs.map((run) => this.#readOne(run)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #readOne(run: Run): Promise<void> {
    await this.#parts.segments.use(run.segment, async (file) => {
      const bytes = await readInto(this.#take(run.to - run.from), file, run.from).catch(() => undefined);
      if (bytes !== undefined) return this.#check(run, recordChecker(bytes));
      // What the disk does not give for the whole run may be one bad page.
      const errors: unknown[] = [];
      for (const each of run.wanted) await this.#readRecord(each, file).catch((error) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    });
  }

  async #readRecord(wanted: Wanted, file: File): Promise<void> {
    const { failedReads } = this.#parts;
    try {
      const record = await readInto(Buffer.allocUnsafeSlow(wanted.bytes), file, wanted.position);
      this.records[wanted.index] = checkRecord(record, 0, wanted);
      failedReads.remove(wanted);
    } catch (error) {
      if (!failedReads.add(wanted)) throw error;
    }
  }

  /** `start`: where the run begins in the bytes. */
  #check(run: Run, check: ReturnType<typeof recordChecker>, start = 0): void {
    for (const each of run.wanted) {
      this.records[each.index] = check(start + each.position - run.from, each);
      this.#parts.failedReads.remove(each);
    }
  }

  #take(length: number): Buffer {
    const buffer = pageBuffers.take(length);
    this.#releases.push(() => pageBuffers.give(buffer));
    return buffer;
  }
}

/** What stands at a position, as far as the file has it. */
async function readInto(buffer: Buffer, file: File, position: number): Promise<Buffer> {
  return buffer.subarray(0, await file.read(buffer, position));
}
