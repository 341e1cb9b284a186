import { writeFileSync } from 'node:fs';
import { backlogScenarios } from './backlog.ts';
import { besideScenario } from './beside.ts';
import { chart } from './chart.ts';
import { expiryScenario } from './expiry.ts';
import { verdicts } from './goals.ts';
import { type Options, readOptions, usage } from './options.ts';
import { pageScenarios } from './pages.ts';
import { rateScenarios } from './rates.ts';
import { reconnectScenario } from './reconnect.ts';
import { machine, type Result, resultLines, tableHead, verdictLines } from './report.ts';
import type { Scenario } from './scenario.ts';
import { diskDirectory, onStage } from './stage.ts';

/**
 * `npm run bench`: drives a relay over HTTP from this process, and next to it, in turn, bare servers that give the same
 * answers. `docs/performance.md` says how to read what it prints.
 */
const scenarios: readonly Scenario[] = [
  ...rateScenarios,
  reconnectScenario,
  besideScenario,
  expiryScenario,
  ...pageScenarios,
  ...backlogScenarios,
];
/** What another relay can be driven through in turn with ours. */
const comparisons: readonly Scenario[] = [...rateScenarios, ...pageScenarios];

// An interrupted bench leaves by the ordinary way out, on which the servers are ended.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) console.log(usage);
  else if (options.list) for (const { name, about } of scenarios) console.log(`${name.padEnd(14)} ${about}`);
  else await bench(options);
}

async function bench(options: Options): Promise<void> {
  const directory = diskDirectory(options.directory);
  const asked = chosen(options);
  const { against } = options;
  const where = { ...machine(), relay: options.url ?? options.command, ...(against && { against }) };
  console.log(`${Object.values(where).join(' · ')}\n\n${tableHead()}`);
  const results: Result[] = [];
  for (const scenario of asked) {
    const result = await outcome(scenario, options, directory);
    console.log(resultLines(result).join('\n'));
    results.push(result);
  }
  // What is to be reached is said of bare servers.
  const goals = against === undefined ? verdicts(results) : [];
  console.log(`\n${verdictLines(goals).join('\n')}`);
  const { jsonPath, svgPath, effort } = options;
  if (jsonPath !== undefined)
    writeFileSync(jsonPath, `${JSON.stringify({ ...where, effort, goals, results }, null, 2)}\n`);
  if (svgPath !== undefined) writeFileSync(svgPath, chart(goals, Object.values(machine()).join(' · ')));
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

async function outcome(scenario: Scenario, options: Options, directory: string): Promise<Result> {
  const { name, settings = {} } = scenario;
  try {
    const stageOptions = { ...options, settings };
    return { name, ...(await onStage(stageOptions, directory, (stage) => scenario.run(stage))) };
  } catch (error) {
    return { name, failure: (error as Error).message };
  }
}

function chosen({ only, connectionsMax, url, against }: Options): Scenario[] {
  const asked = (name: string) => only.some((kind) => name === kind || name.startsWith(`${kind}-`));
  const all = against === undefined ? scenarios : comparisons;
  const named = all.filter(({ name }) => only.length === 0 || asked(name));
  if (named.length === 0)
    throw new Error(`no scenario is named so; there are ${all.map(({ name }) => name)}`);
  return named.filter(
    ({ pushConnections, settings }) =>
      pushConnections <= connectionsMax && (url === undefined || settings === undefined),
  );
}
