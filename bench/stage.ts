import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from './drive.ts';
import type { Effort, Options } from './options.ts';
import { type RelayProcess, startRelay } from './servers.ts';

/** What a scenario runs on. */
export interface Stage {
  readonly relay: Target;
  /** On the disk that the relay's store is on. */
  readonly directory: string;
  readonly effort: Effort;
  /** Connections that a queue is filled on. */
  readonly fillConnections: number;
  /** Ends the relay with a signal and starts it on the same store. Undefined for a relay that is not ours to stop. */
  readonly restart: ((signal: NodeJS.Signals) => Promise<RelayProcess>) | undefined;
}

const FILL_CONNECTIONS = 64;

/** Runs one scenario on a relay with an empty store, or on the one that runs already, and clears up after it. */
export async function onStage<T>(
  options: Options,
  parent: string,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(parent, 'enigma-relay-bench-'));
  const clear = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', clear);
  const common = {
    directory,
    effort: options.effort,
    fillConnections: Math.min(FILL_CONNECTIONS, options.connectionsMax),
  };
  try {
    if (options.url !== undefined) {
      return await run({ ...common, relay: { url: options.url, pid: options.pid }, restart: undefined });
    }
    return await onOwnRelay(options.command, common, run);
  } finally {
    process.off('exit', clear);
    clear();
  }
}

async function onOwnRelay<T>(
  command: string,
  common: Omit<Stage, 'relay' | 'restart'>,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  let relay = await startRelay(command, common.directory);
  try {
    return await run({
      ...common,
      get relay() {
        return relay;
      },
      async restart(signal) {
        await relay.stop(signal);
        relay = await startRelay(command, common.directory);
        return relay;
      },
    });
  } finally {
    await relay.stop();
  }
}
