import { TestClock } from '../stores/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock whose timers run when the simulation says so, never by themselves. */
export class SimulatedClock extends TestClock {
  #timers: Timer[] = [];

  override after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.monotonicMs() + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass and runs what falls due in it. */
  override advance(ms: number): void {
    const untilMs = this.monotonicMs() + ms;
    for (let next = this.#next(); next !== undefined && next.dueMs <= untilMs; next = this.#next()) {
      this.#run(next);
    }
    super.advance(untilMs - this.monotonicMs());
  }

  /** Lets time pass until the next timer runs; false if there is none. */
  runNextTimer(): boolean {
    const next = this.#next();
    if (next !== undefined) this.#run(next);
    return next !== undefined;
  }

  /** The process is gone, and its timers with it. */
  forgetTimers(): void {
    this.#timers = [];
  }

  #next(): Timer | undefined {
    return this.#timers.reduce<Timer | undefined>(
      (first, timer) => (first === undefined || timer.dueMs < first.dueMs ? timer : first),
      undefined,
    );
  }

  #run(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    super.advance(Math.max(0, timer.dueMs - this.monotonicMs()));
    timer.run();
  }
}
