import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { playHistory } from './power.ts';
import { targets } from './targets.ts';

/**
 * `npm run simulate -- --seconds N --seed S`: plays random histories for as long as one likes. Each seed has some for
 * every store, by itself and behind a relay's API, and some crash histories. The first one that breaks a promise is
 * printed, made as short as can be, with the seed that plays it again, and ends the program with status 1.
 */
const HISTORIES_A_SEED = 20;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
});
const untilMs = performance.now() + 1_000 * Number(values.seconds);
let seed = Number(values.seed);
try {
  do {
    await simulate(seed);
    console.log(`seed ${seed}: ${HISTORIES_A_SEED * (targets.length + 1)} histories are as they must be`);
    seed++;
  } while (performance.now() < untilMs);
} catch (error) {
  console.error(`${(error as Error).message}\n\nagain: npm run simulate -- --seconds 1 --seed ${seed}`);
  process.exitCode = 1;
}

async function simulate(seed: number): Promise<void> {
  for (const { name, histories, play } of targets) {
    const property = fc.asyncProperty(histories, play);
    await fc.assert(property, { seed, numRuns: HISTORIES_A_SEED }).catch((error: Error) => {
      throw new Error(`not so: ${name}. ${error.message}\n${error.cause ?? ''}`);
    });
  }
  for (let number = 0; number < HISTORIES_A_SEED; number++) {
    const crashSeed = seed * HISTORIES_A_SEED + number;
    await playHistory(crashSeed).catch((error: Error) => {
      throw new Error(`crash history ${crashSeed} breaks a promise: ${error.stack}`);
    });
  }
}
