import { randomBytes } from 'node:crypto';
import { below, chance, type Random } from '../test/simulation/random.ts';

/** A payload, known by its place in a pool of random bytes, so that whoever has to remember it keeps two numbers. */
export interface Payload {
  readonly offset: number;
  readonly length: number;
}

const LARGEST_BYTES = 3_743_724;
const POOL = randomBytes(2 * LARGEST_BYTES);

/** Sizes as clients have them: nothing at all, texts, pictures, and the chunks of attachments. `scale` is of the longer ones. */
export function drawPayload(random: Random, scale = 1): Payload {
  const dice = random();
  if (dice < 0.05) return at(random, 0);
  if (dice < 0.75) return at(random, below(random, 4_096));
  if (dice < 0.95) return at(random, below(random, 65_536 * scale));
  return at(random, below(random, chance(random, 0.1) ? LARGEST_BYTES : 524_288 * scale));
}

export function bytesOf({ offset, length }: Payload): Buffer {
  return POOL.subarray(offset, offset + length);
}

function at(random: Random, length: number): Payload {
  const bounded = Math.min(length, LARGEST_BYTES);
  return { offset: below(random, POOL.length - bounded), length: bounded };
}
