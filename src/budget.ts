/**
 * Room that several sources share. They have their turns one after another, and each its claims in order; at a turn that
 * comes to more than is free, all wait until it fits. A claim of more than there is gets all of it, alone.
 *
 * A source that holds some is given more only while as much stays free as it holds then: one alone gets to half, two to
 * a third each, and so on, and there is always some left for the next.
 */
export class Budget {
  readonly #size: number;
  #free: number;
  /** Of who holds room or waits for it, in the order of turns. */
  readonly #shares = new Map<string, Share>();

  constructor(size: number) {
    this.#size = size;
    this.#free = size;
  }

  claim(source: string, asked: number): Claim {
    const size = Math.min(asked, this.#size);
    const share = this.#shares.get(source) ?? { held: 0, waiting: new Set() };
    this.#shares.set(source, share);
    const { promise, resolve } = settleable();
    const waiter = { size, grant: resolve };
    share.waiting.add(waiter);
    this.#grant();
    return {
      granted: promise,
      release: () => {
        if (!share.waiting.delete(waiter)) {
          share.held -= size;
          this.#free += size;
        }
        if (share.held === 0 && share.waiting.size === 0) this.#shares.delete(source);
        this.#grant();
      },
    };
  }

  /** Whether anybody waits: what others hold may be what they lack. */
  get isWanted(): boolean {
    for (const { waiting } of this.#shares.values()) if (waiting.size > 0) return true;
    return false;
  }

  #grant(): void {
    for (const [source, share] of this.#shares) {
      const [waiter] = share.waiting;
      if (waiter === undefined || this.#isPastShare(share, waiter)) continue;
      if (waiter.size > this.#free) return;
      share.waiting.delete(waiter);
      share.held += waiter.size;
      this.#free -= waiter.size;
      waiter.grant();
      // Its next turn comes after those of all others, within this loop.
      this.#shares.delete(source);
      this.#shares.set(source, share);
    }
  }

  #isPastShare({ held }: Share, { size }: Waiter): boolean {
    return held > 0 && held + size > this.#free - size;
  }
}

export interface Claim {
  /** Resolves when there is room. */
  readonly granted: Promise<void>;
  /** Gives the room back, or gives up waiting for it. To be called once. */
  release(): void;
}

interface Share {
  held: number;
  /** A set keeps the order, and forgets a claim at the same cost wherever it stands. */
  readonly waiting: Set<Waiter>;
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
