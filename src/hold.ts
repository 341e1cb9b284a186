import type { Writable } from 'node:stream';

/** Fewer clients than this are served sooner by one answer after the other: each gets on while the next is made. */
const MANY = 3;

let held: Writable[] = [];
/** Of this turn, and of the last one that had any. */
let [count, countBefore] = [0, 0];

/**
 * What is written to a stream in this turn of the event loop leaves at its end, right before or after what was written
 * to the others, if the last turn that had any had many: an answer that leaves by itself wakes its client by itself, which
 * costs more than to make it.
 */
export function holdUntilTurnEnds(stream: Writable): void {
  if (count++ === 0) setImmediate(endTurn);
  if (countBefore < MANY) return;
  stream.cork();
  held.push(stream);
}

function endTurn(): void {
  const streams = held;
  held = [];
  countBefore = count;
  count = 0;
  for (const stream of streams) stream.uncork();
}
