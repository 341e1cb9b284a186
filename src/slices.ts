import { setImmediate as nextTurn } from 'node:timers/promises';

/** Of work on many bytes, what is done in one turn of the event loop: a third of a millisecond at most. */
export const SLICE_BYTES = 524_288;

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop that nobody else who waits here has: slices of several pieces of work take turns. */
export function ownTurn(): Promise<void> {
  last = last.then(() => nextTurn());
  return last;
}

/** A piece of work in turns of the event loop of its own, so many bytes in each. */
export class Turns {
  readonly #bytes: number;
  #left = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  async next(): Promise<void> {
    await ownTurn();
    this.#left = this.#bytes;
  }

  /** Before work on so many bytes: goes on in the next turn if they are too many for this one. */
  async spend(bytes: number): Promise<void> {
    if (this.#left < bytes) await this.next();
    this.#left -= bytes;
  }
}
