import { RelayError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Spares } from './spares.ts';

/** Whose records a batch holds. A probe is the first batch after a failure. */
export type Purpose = 'push' | 'ack' | 'clean' | 'probe';

/**
 * How many spares must be left on a full disk for a batch to be written, and one more for it to begin a segment. Pushes leave
 * the reserve of three alone: once acks have taken the first of it, what room there is in that segment is for acks only.
 * The other two are the cleaner's: one takes what lives of a segment, and the other what did not fit, as frames and padding
 * may take a little more than they did before. If the cleaner could not go on, nothing could.
 */
const SPARES_LEFT: Readonly<Record<Purpose, number>> = { push: 3, ack: 2, clean: 0, probe: 0 };
/** The reserve and one ahead: so many spares are prepared. */
const SPARES_AHEAD = SPARES_LEFT.push + 1;
/** With those that were segments before: the one more is begun next, so that none is filled while as many are given up as begun. */
export const SPARES_KEPT = SPARES_AHEAD + 1;

/** Segments prepared ahead, and who may have them once the disk is full. */
export class Reserve {
  readonly #spares: Spares;
  readonly #logger: Logger;
  #preparing: Promise<void> | undefined;
  #closed = false;
  /** Whether the last attempt to prepare a segment failed. */
  isFull = false;
  /** Called after each attempt that failed. */
  onFull: () => void = () => {};

  constructor(spares: Spares, logger: Logger) {
    this.#spares = spares;
    this.#logger = logger;
  }

  get bytes(): number {
    return this.#spares.bytes;
  }

  /** Whether there is enough for everybody: for a batch that begins a segment, or for one that does not. */
  servesAll(beginsSegment: boolean): boolean {
    return this.#has('push', beginsSegment);
  }

  /** Whether a batch may be written; waits for what is being prepared, if need be. */
  async admits(purpose: Purpose, beginsSegment: boolean): Promise<boolean> {
    if (!this.servesAll(beginsSegment) && !this.isFull) await this.prepare();
    return this.#has(purpose, beginsSegment);
  }

  /** A prepared segment of the usual length; throws `storage_error` if there is none. */
  take(): string {
    const name = this.#spares.take();
    if (name === undefined) throw new RelayError('storage_error');
    return name;
  }

  /** Takes back one that was not touched. */
  giveBack(name: string): void {
    this.#spares.giveBack(name);
  }

  /** A prepared segment of its own length, for which there is no reserve; throws `storage_error`. */
  async create(bytes: number): Promise<string> {
    try {
      return await this.#spares.create(bytes);
    } catch (cause) {
      throw new RelayError('storage_error', undefined, { cause });
    }
  }

  /** Fills up the spares, and so finds out whether the disk is full. Never rejects; one attempt serves all who ask. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** Prepares one more for a probe, if the disk lets it. */
  async tryToAdd(): Promise<void> {
    await this.#spares.add().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#preparing;
  }

  #has(purpose: Purpose, beginsSegment: boolean): boolean {
    return this.#spares.count >= SPARES_LEFT[purpose] + (beginsSegment ? 1 : 0);
  }

  async #prepare(): Promise<void> {
    try {
      while (this.#spares.count < SPARES_AHEAD) {
        if (this.#closed) return;
        await this.#spares.add();
      }
      if (this.isFull) this.#logger.info({}, 'there is room on the disk again');
      this.isFull = false;
    } catch (error) {
      if (!this.isFull)
        this.#logger.error({ err: error }, 'the disk is full; pushes are refused until there is room');
      this.isFull = true;
      this.onFull();
    }
  }
}
