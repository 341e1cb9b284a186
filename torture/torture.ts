import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { full } from './full.ts';
import { kill, type Round, stop, term } from './modes.ts';
import { type Mode, type Options, readOptions, usage } from './options.ts';
import { recount } from './recount.ts';
import { mountSmallDisk } from './small-disk.ts';
import { Stage } from './stage.ts';
import { Violation } from './violation.ts';

/**
 * `npm run torture`: a real relay under 32 clients, and what a machine may do to it; after each time everything that it
 * has is checked against what the clients were told. `docs/torture.md` says what is checked.
 */
const rounds: Readonly<Record<Mode, Round>> = { kill, term, stop, full };

/** Room for a few segments above the store's reserve. */
const SMALL_DISK_BYTES = 192 * 2 ** 20;

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`torture: ${error instanceof Violation ? error.message : (error as Error).stack}`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) console.log(usage);
  else await torture(options);
}

/** Makes a directory, and in `full` a small disk in it, and plays; what a violation leaves is kept. */
async function torture(options: Options): Promise<void> {
  const { mode, seed } = options;
  if (mode === 'full' && process.getuid?.() !== 0) return playAsRoot();
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'enigma-torture-'));
  const disk = mode === 'full' ? mountSmallDisk(directory, SMALL_DISK_BYTES) : undefined;
  console.log(`${mode}, ${options.rounds} rounds, seed ${seed}${disk ? `, on ${disk.kind}` : ''}`);
  const storePath = join(disk?.path ?? directory, 'store');
  try {
    await play(options, storePath, join(directory, 'relay.toml'));
  } catch (error) {
    console.log(`VIOLATION, seed ${seed}; the relay's files are left in ${storePath}`);
    throw error;
  }
  disk?.unmount();
  await rm(directory, { recursive: true });
}

/** Whoever may not mount anything is root of a namespace of their own. */
function playAsRoot(): void {
  const again = [process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', ...again], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}

async function play(options: Options, storePath: string, configPath: string): Promise<void> {
  const { mode } = options;
  const stage = new Stage({
    ...options,
    configPath,
    storePath,
    timeoutMs: mode === 'stop' ? 500 : 20_000,
    ttlSeconds: mode === 'full' ? [3_600] : [4, 30, 3_600],
    mayRefuse: mode === 'full',
    payloadScale: mode === 'full' ? 8 : 1,
  });
  try {
    await stage.start();
    for (let round = 1; round <= options.rounds; round++) await playRound(stage, mode, round);
    await stage.relay.stop();
  } finally {
    stage.end();
  }
  const { messages, bytes } = await recount(storePath);
  for (const line of await summary(stage, storePath)) console.log(line);
  console.log(`no violation; ${messages} messages of ${bytes} bytes are left, and the files say the same`);
}

async function playRound(stage: Stage, mode: Mode, round: number): Promise<void> {
  const { counts } = stage.mail;
  const before = { ...counts };
  const what = await rounds[mode](stage);
  await stage.start();
  const [pushes, compared] = [counts.pushes - before.pushes, counts.compared - before.compared];
  console.log(`${round}: ${what}; ${pushes} pushes stored, ${compared} messages compared`);
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
