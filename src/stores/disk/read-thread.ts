import { Worker } from 'node:worker_threads';
import { BufferPool } from '../../buffer-pool.ts';
import { createGate } from '../../gate.ts';
import type { Logger } from '../../log.ts';

/** A stretch of an open file. */
export interface Place {
  readonly fd: number;
  readonly position: number;
  readonly bytes: number;
}

/** What the thread is sent; it answers with the numbers of the places that it could not read whole. */
interface Job {
  /** Descriptor, position and length of each place. */
  readonly places: Float64Array;
  /** Shared memory for all of them, one behind the other. */
  readonly into: Uint8Array;
}

/** What it read: all places, one behind the other. */
export interface ReadPlaces {
  readonly bytes: Buffer;
  /** Where each place begins in it; undefined for one of which it did not get all. */
  readonly starts: readonly (number | undefined)[];
  /** For who is done with them early: others are read into their memory from then on. */
  readonly release: () => void;
}

/** The next job lies ready while one is worked on, and no more memory than theirs waits to be read into. */
const JOBS_MAX = 2;
const KEPT_BYTES_MAX = 4 * 2 ** 20;

type Settle = (failed: readonly number[] | undefined) => void;

/**
 * Reads many places in one trip to a thread of its own, which begins with the first. Node's pool takes a trip for each, and
 * only two at a time, so that flushes need not wait: ten times the processor time, and twenty times as long.
 */
export class ReadThread {
  readonly #logger: Logger;
  readonly #gate = createGate(JOBS_MAX);
  readonly #buffers = new BufferPool(KEPT_BYTES_MAX, (length) => Buffer.from(new SharedArrayBuffer(length)));
  #worker: Worker | undefined;
  #isGone = false;
  /** In the order in which the jobs were sent, which is that of the answers. */
  readonly #waiting: Settle[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Undefined where there can be no thread. */
  read(places: readonly Place[]): Promise<ReadPlaces | undefined> {
    return this.#gate(async () => {
      const job = new Float64Array(3 * places.length);
      const starts: (number | undefined)[] = [];
      let length = 0;
      places.forEach(({ fd, position, bytes }, index) => {
        job.set([fd, position, bytes], 3 * index);
        starts.push(length);
        length += bytes;
      });
      const bytes = this.#buffers.take(length);
      const failed = await this.#ask({ places: job, into: bytes });
      if (failed === undefined) return undefined;
      for (const index of failed) starts[index] = undefined;
      return { bytes, starts, release: () => this.#buffers.give(bytes) };
    });
  }

  async close(): Promise<void> {
    this.#isGone = true;
    await this.#worker?.terminate();
  }

  #ask(job: Job): Promise<readonly number[] | undefined> {
    const worker = this.#begun();
    if (worker === undefined) return Promise.resolve(undefined);
    worker.postMessage(job);
    worker.ref();
    return new Promise((settle) => this.#waiting.push(settle));
  }

  #begun(): Worker | undefined {
    if (this.#worker !== undefined || this.#isGone) return this.#worker;
    try {
      const worker = new Worker(`(${readPlaces})()`, { eval: true, execArgv: [] });
      worker.on('message', (failed: number[]) => this.#settle(failed));
      worker.on('error', (error) => this.#end(error));
      worker.on('exit', () => this.#end());
      this.#worker = worker;
      return worker;
    } catch (error) {
      this.#end(error);
      return undefined;
    }
  }

  #settle(failed: readonly number[] | undefined): void {
    this.#waiting.shift()?.(failed);
    // While nobody waits for it, it keeps no process from ending.
    if (this.#waiting.length === 0) this.#worker?.unref();
  }

  /** It is not begun again. */
  #end(error?: unknown): void {
    if (!this.#isGone)
      this.#logger.warn(
        { err: error },
        'scattered messages are read one by one: the thread for them is gone',
      );
    this.#isGone = true;
    this.#worker = undefined;
    while (this.#waiting.length > 0) this.#settle(undefined);
  }
}

/** What the thread does: given as text, so that it runs from sources, when built and in a bundle; so it knows nothing of this file. */
function readPlaces(): void {
  const { readSync } = process.getBuiltinModule('node:fs');
  const { parentPort } = process.getBuiltinModule('node:worker_threads');
  parentPort?.on('message', ({ places, into }: Job) => {
    const failed: number[] = [];
    let at = 0;
    for (let index = 0; index < places.length / 3; index++) {
      // Taken one by one: a view of the three costs half as much as the read.
      const field = (number: number): number => places[3 * index + number] as number;
      const [fd, position, bytes] = [field(0), field(1), field(2)];
      try {
        if (readSync(fd, into, at, bytes, position) !== bytes) failed.push(index);
      } catch {
        failed.push(index);
      }
      at += bytes;
    }
    parentPort.postMessage(failed);
  });
}
