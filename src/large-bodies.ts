import { Budget, type Claim } from './budget.ts';
import { BufferPool } from './buffer-pool.ts';
import type { Ending } from './ending.ts';
import { RelayError } from './errors.ts';
import type { Clock } from './stores/store.ts';

/** Bodies up to this length are read as they come. */
export const SMALL_BODY_BYTES = 65_536;

/** What larger ones may take up together while they are read and worked on. */
const LARGE_BODIES_BYTES = 128 * 1024 * 1024;

/** How long a body waits for room: clients give up after 10 s in all. */
const WAIT_MS = 8_000;

/** How fast a body has to come while others wait for room, once the time is over that it may stand still. */
const BYTES_PER_MS = 16;
const STILL_MS = 5_000;
const CHECK_MS = 1_000;

/** Who sends a body. */
export interface Sender {
  /** How much has come on the connection. */
  readonly bytesRead: number;
  /** Watches for the end of the connection. */
  watch(): Ending;
  /** Answers a body that is still being read as one that is late, and ends the connection. */
  cutOff(): void;
}

/** What one body takes of what large ones share: nothing until it enters, and then all that it may come to. */
export interface LargeBody {
  /**
   * Resolves when there is room for the body, or with false when the connection ends before. To enter again is nothing.
   *
   * Throws `storage_error` where there is none for too long.
   */
  enter(): Promise<boolean>;
  /** A buffer for the body. */
  allocate(bytes: number): Buffer;
  /** Gives everything back; nobody looks into the buffer any more. */
  leave(): void;
}

/** Room for large bodies. Nobody keeps it from the others for long: it is shared by sources, and who is slow loses it. */
export class LargeBodies {
  readonly #clock: Clock;
  readonly #budget = new Budget(LARGE_BODIES_BYTES);
  readonly #buffers = new BufferPool();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `bytes`: the most that the body may come to. */
  open(sender: Sender, source: string, bytes: number): LargeBody {
    let claim: Claim | undefined;
    let buffer: Buffer | undefined;
    let endPace = (): void => {};
    let hasLeft = false;
    return {
      enter: async () => {
        if (claim !== undefined) return true;
        claim = this.#budget.claim(source, bytes);
        const isIn = await this.#wait(claim, sender);
        // It may have been given up meanwhile.
        if (isIn && !hasLeft) endPace = this.#keepPace(sender);
        return isIn;
      },
      allocate: (length) => {
        buffer = this.#buffers.take(length);
        return buffer;
      },
      leave: () => {
        hasLeft = true;
        endPace();
        if (buffer !== undefined) this.#buffers.give(buffer);
        claim?.release();
      },
    };
  }

  async #wait(claim: Claim, sender: Sender): Promise<boolean> {
    const { gone, forget } = sender.watch();
    let endWait = (): void => {};
    const isLate = new Promise<never>((_, reject) => {
      const error = new RelayError('storage_error', 'too many large bodies at a time');
      endWait = this.#clock.after(WAIT_MS, () => reject(error));
    });
    try {
      return await Promise.race([gone.then(() => false), claim.granted.then(() => true), isLate]);
    } finally {
      endWait();
      forget();
    }
  }

  /** Cuts off a body that is slow while others wait for room. Returns what ends that. */
  #keepPace(sender: Sender): () => void {
    const [startMs, startBytes] = [this.#clock.monotonicMs(), sender.bytesRead];
    const check = (): void => {
      const dueBytes = BYTES_PER_MS * (this.#clock.monotonicMs() - startMs - STILL_MS);
      if (this.#budget.isWanted && sender.bytesRead - startBytes < dueBytes) sender.cutOff();
      else endCheck = this.#clock.after(CHECK_MS, check);
    };
    let endCheck = this.#clock.after(CHECK_MS, check);
    return () => endCheck();
  }
}
