import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { Opened } from './target.ts';
import { targets } from './targets.ts';

/** `npm run fuzz`: the properties of the suite, for as long as one likes. */
const usage = `npm run fuzz -- [options]

  --seconds N   how long, in all (60)
  --seed S      begin with this seed; a failure names the one that finds it again at once
  --only NAME   fuzz this target; may be repeated
  --list        print the targets and end
`;

/** Runs between two looks at the clock, at most. */
const ROUND_MAX = 50;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string', multiple: true, default: targets.map(({ name }) => name) },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) console.log(usage);
else if (values.list) console.log(targets.map(({ name }) => name).join('\n'));
else await fuzz(Number(values.seconds), Number(values.seed), values.only);

async function fuzz(seconds: number, firstSeed: number, only: readonly string[]): Promise<void> {
  const chosen = targets.filter(({ name }) => only.includes(name));
  for (const { name, runs, open } of chosen) {
    const round = Math.min(runs, ROUND_MAX);
    const opened = await open();
    const untilMs = performance.now() + (seconds * 1000) / chosen.length;
    let seed = firstSeed;
    do {
      if (!(await passes(name, opened, { seed, numRuns: round }))) break;
      seed++;
    } while (performance.now() < untilMs);
    await opened.close();
    console.log(`${name}: ${(seed - firstSeed) * round} runs from seed ${firstSeed}`);
  }
}

async function passes(
  name: string,
  { property }: Opened,
  run: { seed: number; numRuns: number },
): Promise<boolean> {
  try {
    await fc.assert(property, run);
    return true;
  } catch (error) {
    console.error(`${name} fails: npm run fuzz -- --only ${name} --seed ${run.seed}`);
    console.error(error);
    process.exitCode = 1;
    return false;
  }
}
