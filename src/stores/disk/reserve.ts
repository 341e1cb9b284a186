import { RelayError } from '../../errors.ts';
import type { Log as Logger } from '../../log.ts';
import type { Spares } from './spares.ts';

/** Whose records a batch holds: how much of the reserve it may use. A probe is the first batch after a failure. */
export type Purpose = 'push' | 'ack' | 'clean' | 'probe';

/**
 * Spares that are kept for a full disk. Pushes never use them; acks may use the first; the others, and the segment that is
 * being written once only one of them is left, are the cleaner's alone: it needs a little more than one segment to clean one
 * of which everything lives, and if it could not go on, nothing could.
 */
const RESERVE = 3;
const RESERVE_FOR_ACKS = 2;
/** The reserve and one ahead. */
const SPARES_AHEAD = RESERVE + 1;

/** Segments prepared ahead, and who may have them once the disk is full. */
export class Reserve {
  readonly #spares: Spares;
  readonly #logger: Logger;
  #preparing: Promise<void> | undefined;
  #closed = false;
  /** Whether the last attempt to prepare a segment failed. */
  isFull = false;
  /** Called after each such attempt. */
  onFull: () => void = () => {};

  constructor(spares: Spares, logger: Logger) {
    this.#spares = spares;
    this.#logger = logger;
  }

  /** Whether some of the reserve is in use: the room in the segment that is being written is not for pushes then. */
  get isBegun(): boolean {
    return this.#spares.count < RESERVE;
  }

  /** Whether nothing but the reserve is left, so that a new segment is not there for everybody. */
  get isAllThereIs(): boolean {
    return this.#spares.count <= RESERVE;
  }

  /** Whether so little is left on a full disk that only the cleaner may write. */
  get isCleanersOwn(): boolean {
    return this.isFull && this.#spares.count < RESERVE_FOR_ACKS;
  }

  get bytes(): number {
    return this.#spares.bytes;
  }

  /** Whether somebody may begin a segment now, as far as is known. */
  mayTake(purpose: Purpose): boolean {
    return !this.isFull || this.#spares.count > this.#keptFrom(purpose);
  }

  /** A prepared segment of the usual length; throws `storage_error` if there is none for this purpose. */
  async take(purpose: Purpose): Promise<string> {
    const ready = this.#spares.take(this.#keptFrom(purpose));
    if (ready !== undefined) return ready;
    if (!this.isFull) await this.prepare();
    const name = this.#spares.take(this.#keptFrom(purpose));
    if (name === undefined) throw new RelayError('storage_error');
    return name;
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

  #keptFrom(purpose: Purpose): number {
    if (purpose === 'probe') return 0;
    if (!this.isFull || purpose === 'push') return RESERVE;
    return purpose === 'ack' ? RESERVE_FOR_ACKS : 0;
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
