/**
 * Room that several share. Whoever claims some waits until it is free, in the order of claiming; a claim of more than
 * there is gets all of it, alone.
 */
export class Budget {
  readonly #size: number;
  #free: number;
  /** A set keeps the order, and forgets a claim at the same cost wherever it stands. */
  readonly #waiting = new Set<Waiter>();

  constructor(size: number) {
    this.#size = size;
    this.#free = size;
  }

  claim(asked: number): Claim {
    const size = Math.min(asked, this.#size);
    const { promise, resolve } = settleable();
    const waiter = { size, grant: resolve };
    this.#waiting.add(waiter);
    this.#grant();
    return {
      granted: promise,
      release: () => {
        if (!this.#waiting.delete(waiter)) this.#free += size;
        this.#grant();
      },
    };
  }

  #grant(): void {
    for (const waiter of this.#waiting) {
      if (waiter.size > this.#free) return;
      this.#waiting.delete(waiter);
      this.#free -= waiter.size;
      waiter.grant();
    }
  }
}

export interface Claim {
  /** Resolves when there is room. */
  readonly granted: Promise<void>;
  /** Gives the room back, or gives up waiting for it. To be called once. */
  release(): void;
}

interface Waiter {
  readonly size: number;
  grant(): void;
}

function settleable(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
