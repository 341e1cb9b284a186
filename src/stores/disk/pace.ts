import type { Logger } from '../../log.ts';
import type { Clock } from '../store.ts';
import type { Cleaner } from './cleaner.ts';

/** So long the cleaner must not have got on in callers' batches before it writes one of its own. */
const LULL_MS = 10;

/**
 * When the cleaner reads, and when it writes. A batch of its own between those of callers would make them wait for one more
 * flush; so it adds to theirs as long as they come, and writes its own in a lull.
 */
export class Pace {
  readonly #cleaner: Cleaner;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #cancel: (() => void) | undefined;
  isLull = true;

  constructor({ cleaner, clock, logger }: { cleaner: Cleaner; clock: Clock; logger: Logger }) {
    this.#cleaner = cleaner;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A batch of callers was formed; `isMoving`: with something of the cleaner's in it. */
  endLull(isMoving: boolean): void {
    this.isLull = false;
    if (isMoving) this.close();
  }

  /** Has the cleaner read what it will add to the next batches; `kick` is called when there is something to go on with. */
  readAhead(kick: () => void): void {
    if (this.#cleaner.hasLoaded && !this.isLull) this.#awaitLull(kick);
    const failed = (error: unknown): void => {
      this.#cleaner.pause(60_000);
      this.#logger.warn({ err: error }, 'the cleaner could not read; it tries again in a minute');
    };
    void this.#cleaner.load()?.then(undefined, failed).then(kick);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #awaitLull(kick: () => void): void {
    this.#cancel ??= this.#clock.after(LULL_MS, () => {
      this.#cancel = undefined;
      this.isLull = true;
      kick();
    });
  }
}
