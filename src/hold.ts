import type { Writable } from 'node:stream';

let held: Writable[] = [];

/**
 * What is written to a stream in this turn of the event loop leaves at its end, right before or after what was written
 * to the others. An answer that leaves by itself wakes its client by itself, which costs more than to make it.
 */
export function holdUntilTurnEnds(stream: Writable): void {
  if (held.length === 0) setImmediate(letGo);
  stream.cork();
  held.push(stream);
}

function letGo(): void {
  const streams = held;
  held = [];
  for (const stream of streams) stream.uncork();
}
