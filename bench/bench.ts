import { writeFileSync } from 'node:fs';
import { backlogScenario } from './backlog.ts';
import { type Options, readOptions, usage } from './options.ts';
import { machine, type Result, resultLines, tableHead } from './report.ts';
import { rateScenarios, type Scenario } from './scenarios.ts';
import { diskDirectory, onStage } from './stage.ts';

/**
 * `npm run bench`: drives a relay over HTTP from this process, and next to it, in turn, a bare `node:http` server that
 * gives the same answers. `docs/performance.md` says how to read what it prints.
 */
const scenarios: readonly Scenario[] = [...rateScenarios, backlogScenario];

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
  const where = { ...machine(), relay: options.url ?? options.command };
  console.log(`${Object.values(where).join(' · ')}\n\n${tableHead()}`);
  const results: Result[] = [];
  for (const scenario of asked) {
    const result = await outcome(scenario, options, directory);
    console.log(resultLines(result).join('\n'));
    results.push(result);
  }
  const { jsonPath, effort } = options;
  if (jsonPath !== undefined)
    writeFileSync(jsonPath, `${JSON.stringify({ ...where, effort, results }, null, 2)}\n`);
  if (results.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

async function outcome(scenario: Scenario, options: Options, directory: string): Promise<Result> {
  const { name } = scenario;
  try {
    return { name, ...(await onStage(options, directory, (stage) => scenario.run(stage))) };
  } catch (error) {
    return { name, failure: (error as Error).message };
  }
}

function chosen({ only, connectionsMax }: Options): Scenario[] {
  const asked = (name: string) => only.some((kind) => name === kind || name.startsWith(`${kind}-`));
  const named = scenarios.filter(({ name }) => only.length === 0 || asked(name));
  if (named.length === 0)
    throw new Error(`no scenario is named so; there are ${scenarios.map(({ name }) => name)}`);
  return named.filter(({ pushConnections }) => pushConnections <= connectionsMax);
}
