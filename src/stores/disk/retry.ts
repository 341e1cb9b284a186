import type { Clock } from '../store.ts';

const PAUSE_MS = 1000;

/** Something that has failed and is tried again: a second later, one attempt at a time. */
export class Retry {
  readonly #clock: Clock;
  readonly #attempt: () => Promise<void>;
  #cancel = (): void => {};
  #attempts: Promise<void> = Promise.resolve();
  #closed = false;

  /** `attempt` never rejects; if it fails, it asks for another one by `later`. */
  constructor(clock: Clock, attempt: () => Promise<void>) {
    this.#clock = clock;
    this.#attempt = attempt;
  }

  later(): void {
    this.#cancel();
    if (this.#closed) return;
    this.#cancel = this.#clock.after(PAUSE_MS, () => {
      this.#attempts = this.#attempts.then(() => (this.#closed ? undefined : this.#attempt()));
    });
  }

  /** Makes no further attempt, and waits for the one that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#attempts;
  }
}
