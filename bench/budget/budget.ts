import { parseArgs } from 'node:util';
import { full, ownCommand } from '../options.ts';
import { machine } from '../report.ts';
import { diskDirectory, onStage } from '../stage.ts';
import { type Row, rows } from './rows.ts';

/**
 * `npm run budget`: starts the real relay for each row, puts it through something over HTTP, and fails where it takes
 * more memory or disk than it may. `docs/performance.md` has what was measured.
 */
const usage = `npm run budget -- [options]

  --only NAME      measure this row; may be repeated
  --list           print the rows and end
  --directory DIR  make the stores here; it must not be a memory file system
`;

// An interrupted run leaves by the ordinary way out, on which the relay is ended.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`budget: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(usage);
  if (values.list)
    return console.log(rows.map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'));
  const unknown = values.only.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined) throw new Error(`no row is called ${unknown}; --list names them`);
  const asked = rows.filter(({ name }) => values.only.length === 0 || values.only.includes(name));

  console.log(`${Object.values(machine()).join(' · ')}\n`);
  console.log('| row | what | measured MB | allowed MB |\n|---|---|--:|--:|');
  const directory = diskDirectory(values.directory);
  for (const row of asked) if (!(await isWithin(row, directory))) process.exitCode = 1;
}

async function isWithin(
  { name, about, allowedMb, settings, measure }: Row,
  parent: string,
): Promise<boolean> {
  const options = {
    url: undefined,
    pid: undefined,
    command: ownCommand(),
    connectionsMax: Infinity,
    effort: full,
    settings: (await settings?.()) ?? {},
  };
  const line = (measured: string) =>
    console.log(`| \`${name}\` | ${about} | ${measured} | ${allowedMb.toFixed(0)} |`);
  try {
    const measuredMb = await onStage(options, parent, measure);
    const within = measuredMb <= allowedMb;
    line(measuredMb.toFixed(1) + (within ? '' : ' (over)'));
    return within;
  } catch (error) {
    line(`failed: ${(error as Error).message}`);
    return false;
  }
}
