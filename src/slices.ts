import { setImmediate as nextTurn } from 'node:timers/promises';

/** Of work on many bytes, what is done in one turn of the event loop: a third of a millisecond at most. */
export const SLICE_BYTES = 524_288;

let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop that nobody else who waits here has: slices of several pieces of work take turns. */
export function ownTurn(): Promise<void> {
  last = last.then(() => nextTurn());
  return last;
}
