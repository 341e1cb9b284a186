import { type Clock, systemClock } from '../../src/stores/store.ts';

/** Time that a test owns: it stands still until it is moved. Only `after` runs by itself, in real time. */
export class TestClock implements Clock {
  #wallMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 0;

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(ms: number, run: () => void): () => void {
    return systemClock.after(ms, run);
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Sets the wall clock, forward or back, while no time passes. */
  setWall(ms: number): void {
    this.#wallMs = ms;
  }
}
