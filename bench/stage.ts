import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './drive.ts';
import { memoryMb } from './figures.ts';
import type { Effort, Options } from './options.ts';
import { type RelayProcess, type Settings, startRelay } from './servers.ts';

/** What a scenario runs on. */
export interface Stage {
  readonly relay: Target;
  /** Another relay, on a store of its own. */
  readonly against: Target | undefined;
  /** On the disk that the relay's store is on. */
  readonly directory: string;
  readonly effort: Effort;
  /** Of the relay, where they differ from what is usual. */
  readonly settings: Settings;
  /** Connections that a queue is filled on. */
  readonly fillConnections: number;
  /**
   * Ends the relay with a signal and starts it on the same store, with settings that differ until the next start.
   * Undefined for a relay that is not ours to stop.
   */
  readonly restart: ((signal: NodeJS.Signals, settings?: Settings) => Promise<RelayProcess>) | undefined;
}

/** Of the bench's options, what a stage follows. */
export type StageOptions = Pick<Options, 'url' | 'pid' | 'command' | 'effort' | 'connectionsMax'> & {
  readonly against?: string | undefined;
  readonly settings?: Settings;
};

const FILL_CONNECTIONS = 64;

/** f_type of Linux's memory file system. */
const TMPFS_MAGIC = 0x01021994;

/** What the relay holds some seconds after its last request. */
export async function settledMb({ relay, effort }: Stage): Promise<number> {
  await sleep(effort.settleSeconds * 1000);
  return memoryMb(relay.pid, 'RssAnon');
}

/** A directory whose files are on a disk: flushes into memory would measure nothing. */
export function diskDirectory(asked: string | undefined): string {
  if (asked !== undefined) mkdirSync(asked, { recursive: true });
  const onDisk = (asked === undefined ? [tmpdir(), '/var/tmp'] : [asked]).find(
    (directory) => statfsSync(directory).type !== TMPFS_MAGIC,
  );
  if (onDisk === undefined) throw new Error('no directory on a disk: name one with --directory');
  return onDisk;
}

/** Runs one scenario on a relay with an empty store, or on the one that runs already, and clears up after it. */
export async function onStage<T>(
  options: StageOptions,
  parent: string,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(parent, 'enigma-relay-bench-'));
  const clear = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', clear);
  const { effort, settings = {} } = options;
  const fillConnections = Math.min(FILL_CONNECTIONS, options.connectionsMax);
  let against: RelayProcess | undefined;
  try {
    if (options.against !== undefined)
      against = await startRelay(options.against, mkdtempSync(join(directory, 'against-')), settings);
    const common = { against, directory, effort, settings, fillConnections };
    if (options.url !== undefined) {
      return await run({ ...common, relay: { url: options.url, pid: options.pid }, restart: undefined });
    }
    return await onOwnRelay(options.command, common, run);
  } finally {
    await against?.stop();
    process.off('exit', clear);
    clear();
  }
}

async function onOwnRelay<T>(
  command: string,
  common: Omit<Stage, 'relay' | 'restart'>,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  let relay = await startRelay(command, common.directory, common.settings);
  try {
    return await run({
      ...common,
      get relay() {
        return relay;
      },
      async restart(signal, settings) {
        await relay.stop(signal);
        relay = await startRelay(command, common.directory, { ...common.settings, ...settings });
        return relay;
      },
    });
  } finally {
    await relay.stop();
  }
}
