import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Target } from './drive.ts';
import type { ConstantAnswer, Floor } from './echo.ts';

export interface Server extends Target {
  /** Ends the process and resolves when it is gone; one that does not go within STOP_MS is killed. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface RelayProcess extends Server {
  /** From the start of the process to the line that says where it listens. */
  readonly startMs: number;
}

const STOP_MS = 20_000;
const STDERR_LENGTH_MAX = 2_000;

/** Keys and values of TOML, in place of those that everything is measured with. */
export type Settings = Readonly<Record<string, string>>;

/** Runs `command --config FILE` on a store in the directory, and waits until it says where it listens. */
export async function startRelay(
  command: string,
  directory: string,
  settings: Settings = {},
): Promise<RelayProcess> {
  const configPath = join(directory, 'relay.toml');
  await writeFile(
    configPath,
    toml({ ...measured, 'storage.path': `'${join(directory, 'store')}'`, ...settings }),
  );
  const startedMs = performance.now();
  // `exec`, so that the process measured and signalled is the relay and not the shell.
  const child = spawn(`exec ${command} --config '${configPath}'`, {
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = stopper(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-STDERR_LENGTH_MAX);
  });
  const url = await listeningUrl(child.stdout);
  const startMs = performance.now() - startedMs;
  child.stdout.resume();
  if (url !== undefined) return { url, pid: child.pid, startMs, stop };
  await stop();
  throw new Error(`the relay ended before it listened: ${stderr}`);
}

/** Reads up to the line that says where the relay listens; undefined when it ends without one. */
async function listeningUrl(stdout: Readable): Promise<string | undefined> {
  for await (const line of createInterface(stdout)) {
    const url = /listening on (\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}

/** Runs a bare server, which is to give these answers. */
export async function startEcho(kind: Floor, answers: ReadonlyMap<string, ConstantAnswer>): Promise<Server> {
  const child = fork(fileURLToPath(new URL('./echo.js', import.meta.url)), [kind]);
  const stop = stopper(child);
  const [port] = await once(child, 'message');
  child.send([...answers]);
  await once(child, 'message');
  return { url: `${kind === 'https' ? 'https' : 'http'}://127.0.0.1:${port}`, pid: child.pid, stop };
}

/** Ties a child to this process, so that none is left behind however the bench ends. */
function stopper(child: ChildProcess): Server['stop'] {
  const kill = () => child.kill('SIGKILL');
  // Ahead of those who clear up what the child has open.
  process.prependOnceListener('exit', kill);
  const gone = once(child, 'exit').finally(() => process.off('exit', kill));
  return async (signal = 'SIGTERM') => {
    child.kill(signal);
    const timer = setTimeout(kill, STOP_MS);
    await gone;
    clearTimeout(timer);
    // Something that it has started may hold them open, and this process with them.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
}

/**
 * The configuration that everything is measured with: durable, limits that are on but never reached, metrics on. In
 * words that the Rust relay knows too: to it and to ours, `sled` is the durable store.
 */
const measured: Settings = {
  address: '"127.0.0.1:0"',
  mode: '"http"',
  'storage.kind': '"sled"',
  'relay.max_message_bytes': '8_388_608',
  'relay.max_queue_bytes_per_user': '1_099_511_627_776',
  'relay.max_messages_per_user': '10_000_000',
  'relay.message_ttl_seconds': '1_209_600',
  'relay.gc_interval_seconds': '60',
  'relay.pull_batch_max': '256',
  'relay.max_messages_total': '10_000_000',
  'rate_limit.enabled': 'true',
  'rate_limit.per_ip_rps': '10_000_000',
  'rate_limit.burst': '10_000_000',
  'rate_limit.ban_seconds': '300',
  'rate_limit.endpoints.push_rps': '10_000_000',
  'rate_limit.endpoints.pull_rps': '10_000_000',
  'rate_limit.endpoints.ack_rps': '10_000_000',
  'metrics.enabled': 'true',
  'metrics.address': '"127.0.0.1:0"',
};

function toml(settings: Settings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}
