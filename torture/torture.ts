import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cp, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Round } from './modes.ts';
import { type Options, readOptions, usage } from './options.ts';
import { recount } from './recount.ts';
import { habits, type Setting, setUp, Unavailable } from './setting.ts';
import { Stage } from './stage.ts';
import { Violation } from './violation.ts';

/**
 * `npm run torture`: a real relay under 32 clients, and what a machine may do to it; after each time everything that it
 * has is checked against what the clients were told. `docs/torture.md` says what is checked.
 */
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isSaid = error instanceof Violation || error instanceof Unavailable;
  console.error(`torture: ${isSaid ? error.message : (error as Error).stack}`);
  process.exitCode = error instanceof Unavailable ? 2 : 1;
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) console.log(usage);
  else await torture(options);
}

/** Plays in a directory of its own, which goes when the program ends, unless a violation has left something in it. */
async function torture(options: Options): Promise<void> {
  const { mode, seed } = options;
  if (mode === 'full' && process.getuid?.() !== 0) return playAsRoot();
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'enigma-torture-'));
  const clearUp = (): void => rmSync(directory, { recursive: true, force: true });
  const setting = await setUp(mode, directory).catch((error: Error) => {
    clearUp();
    throw new Unavailable(`${mode} cannot be had here: ${error.message}`);
  });
  // Behind those who unmount what is in it.
  process.once('exit', clearUp);
  console.log(`${mode}, ${options.rounds} rounds, seed ${seed}${setting.disk ? `, on ${setting.disk}` : ''}`);
  try {
    await play(options, setting, directory);
  } catch (error) {
    process.off('exit', clearUp);
    const found = join(directory, 'found');
    console.log(`VIOLATION, seed ${seed}; the relay's files are left in ${found}`);
    await cp(join(setting.path, 'store'), found, { recursive: true }).catch(() => {});
    throw error;
  } finally {
    await setting.release();
  }
}

/** Whoever may not mount anything is root of a namespace of their own. */
function playAsRoot(): void {
  const again = [process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', ...again], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}

async function play(options: Options, { path, round }: Setting, directory: string): Promise<void> {
  const storePath = join(path, 'store');
  const stage = new Stage({
    ...options,
    configPath: join(directory, 'relay.toml'),
    storePath,
    ...habits[options.mode],
  });
  try {
    await stage.start();
    for (let number = 1; number <= options.rounds; number++) await playRound(stage, round, number);
    await stage.relay.stop();
  } finally {
    await stage.end();
  }
  const { messages, bytes } = await recount(storePath);
  for (const line of await summary(stage, storePath)) console.log(line);
  console.log(`no violation; ${messages} messages of ${bytes} bytes are left, and the files say the same`);
}

async function playRound(stage: Stage, round: Round, number: number): Promise<void> {
  const { counts } = stage.mail;
  const before = { ...counts };
  const what = await round(stage);
  await stage.start();
  const [pushes, compared] = [counts.pushes - before.pushes, counts.compared - before.compared];
  console.log(`${number}: ${what}; ${pushes} pushes stored, ${compared} messages compared`);
}

async function summary({ mail, starts }: Stage, storePath: string): Promise<string[]> {
  const { pushes, duplicates, acks, unanswered, refusals, shown, compared } = mail.counts;
  const segments = (await readdir(storePath)).filter((name) => name.endsWith('.seg')).sort();
  const [seconds, megabytes] = [performance.now() / 1_000, process.resourceUsage().maxRSS / 1_024];
  return [
    `${pushes} pushes stored, ${duplicates} duplicates, ${acks} messages acked; ${unanswered} requests without an answer, ${refusals} pushes refused`,
    `${shown} messages shown under load and after ${starts} starts, of which ${compared} compared with all that was answered`,
    `${segments.length} segments are left, the last one is ${segments.at(-1)}; ${Math.round(seconds)} s, ${Math.round(megabytes)} MB for the checker`,
  ];
}
