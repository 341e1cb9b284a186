import type { Clock } from './store.ts';

/** A jump of the wall clock that operators should hear of. */
const JUMP_MS = 3_600_000;

/**
 * A store's time, in Unix milliseconds. It never runs back: it is the wall clock, or the last time and what has passed
 * since by the monotonic clock, if that is later.
 */
export class StoreTime {
  readonly #clock: Clock;
  readonly #onJump: (byMs: number) => void;
  #lastMs: number;
  #lastMonotonicMs: number;

  /** Starts at the wall clock or at `atLeastMs`, whichever is later; `onJump` hears of jumps ahead by an hour and more. */
  constructor(clock: Clock, atLeastMs = 0, onJump: (byMs: number) => void = () => {}) {
    this.#clock = clock;
    this.#onJump = onJump;
    this.#lastMs = Math.max(Math.floor(clock.wallMs()), atLeastMs);
    this.#lastMonotonicMs = clock.monotonicMs();
  }

  now(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const expectedMs = this.#lastMs + Math.floor(monotonicMs - this.#lastMonotonicMs);
    const nowMs = Math.max(Math.floor(this.#clock.wallMs()), expectedMs);
    if (nowMs - expectedMs > JUMP_MS) this.#onJump(nowMs - expectedMs);
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs;
      this.#lastMonotonicMs = monotonicMs;
    }
    return nowMs;
  }
}

/** In 2106: a clock that is later than this is wrong, and must not use up the numbers up to 2^53. */
const LAST_SECOND = 2 ** 32;

/** The first seq of a store that opens at a time: above every seq that was given out before, even by a copy of it. */
export function firstSeq(nowMs: number): number {
  return Math.min(Math.floor(nowMs / 1000), LAST_SECOND) * 2 ** 20;
}
