/** Counts the operations that have begun and not ended, for a close that waits for them. */
export class InFlight {
  #count = 0;
  #onIdle: (() => void)[] = [];

  async run<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.#count++;
    try {
      return await operation();
    } finally {
      this.#count--;
      if (this.#count === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((tell) => this.#onIdle.push(tell));
  }
}
