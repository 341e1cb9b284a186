import type { Clock } from '../../src/stores/store.ts';

/**
 * What a client can say of a store's time. The store may or may not have looked at the clock before that was set back,
 * and a crash may have undone what it noted, so there are two bounds. The clock is set back only while no store is open.
 */
export class TimeBounds {
  readonly #clock: Clock;
  #lowMs: number;
  #highMs: number;
  #durableLowMs = 0;
  #seenMonotonicMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lowMs = clock.wallMs();
    this.#highMs = clock.wallMs();
    this.#seenMonotonicMs = clock.monotonicMs();
  }

  /** The store's time is this or later. */
  get lowMs(): number {
    this.#tick();
    return this.#lowMs;
  }

  /** The store's time is this or earlier. */
  get highMs(): number {
    this.#tick();
    return this.#highMs;
  }

  /** The store has answered what was decided at `lowMs` or later, and its batch carries the time. */
  durable(lowMs: number): void {
    this.#durableLowMs = Math.max(this.#durableLowMs, lowMs);
  }

  /** The store is opened again. */
  restart(): void {
    this.#tick();
    this.#lowMs = Math.max(this.#clock.wallMs(), this.#durableLowMs);
  }

  #tick(): void {
    const passedMs = this.#clock.monotonicMs() - this.#seenMonotonicMs;
    this.#seenMonotonicMs += passedMs;
    this.#lowMs = Math.max(this.#clock.wallMs(), this.#lowMs + passedMs);
    this.#highMs = Math.max(this.#clock.wallMs(), this.#highMs + passedMs);
  }
}
