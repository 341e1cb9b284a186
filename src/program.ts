import { readFileSync } from 'node:fs';
import { backup } from './commands/backup.ts';
import { verify } from './commands/verify.ts';
import type { RelayConfig } from './config.ts';
import { printConfig } from './config-text.ts';
import { RelayError, reasonOf } from './errors.ts';
import { configFlags, readConfig, readFlags } from './flags.ts';
import { createLog, type Logger } from './log.ts';
import { type Relay, startRelay } from './relay.ts';
import type { Signals } from './signals.ts';
import { readTls } from './tls.ts';

const usage = `A store-and-forward relay for end-to-end encrypted messengers.

usage: enigma-relay [options]                     run the relay
       enigma-relay verify [options]              check the store's files and count what they hold
       enigma-relay backup DIR [options]          copy the store, of a running relay too, to a new directory

  --config FILE         read the configuration from a TOML file
  --storage-path DIR    keep messages here, whatever the file says
  --address HOST:PORT   listen here, whatever the file says
  --check-config        check the configuration, and the TLS files that it names, and exit
  --print-config        print the configuration in effect, ready to save, and exit
  --repair              verify: save what can be saved of a damaged store that no relay runs on
  --json                verify: print what was found as JSON
  --help                print this and exit
  --version             print the version and exit

Without a file every option has its default; --print-config shows them all.
`;

const runFlags = {
  ...configFlags,
  address: { type: 'string' },
  'check-config': { type: 'boolean' },
  'print-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** What does not run a relay; each resolves with the exit status. */
const commands = new Map([
  ['verify', verify],
  ['backup', backup],
]);

/** Does what the arguments say; ends the process where that fails. */
export async function runProgram(args: string[], signals: Signals): Promise<void> {
  try {
    await main(args, signals);
  } catch (error) {
    fail(error);
  }
}

async function main(args: string[], signals: Signals): Promise<void> {
  // A reader of stdout or stderr that has gone away does not end the relay.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const command = commands.get(args[0] ?? '');
  if (command !== undefined) {
    await signals.leave();
    if (args.includes('--help') || args.includes('-h')) return print(usage);
    process.exitCode = await command(args.slice(1), { print, warn });
    return;
  }
  const flags = readFlags(args, runFlags).values;
  if (flags.help) return print(usage);
  if (flags.version) return print(`enigma-relay ${packageVersion()}\n`);

  const config = readConfig(flags, warn);
  if (flags['print-config']) return print(printConfig(config));
  if (flags['check-config']) return check(config);
  await run(config, signals);
}

/** As far as a start gets before it opens the store. */
async function check(config: RelayConfig): Promise<void> {
  if (config.mode === 'tls') await readTls(config.tls, createLog(config.log.level, process.stderr.isTTY));
  print('the configuration is valid\n');
}

async function run(config: RelayConfig, signals: Signals): Promise<void> {
  const log = createLog(config.log.level, process.stderr.isTTY);
  process.on('uncaughtException', (err) => {
    log.error({ err }, 'the relay ends: an error that nothing has caught');
    process.exit(1);
  });
  const starting = startRelay(config, { log });
  signals.take({
    stop(signal) {
      log.info({ signal }, 'the relay stops');
      starting.then((relay) => relay.stop()).then(() => process.exit(0), fail);
    },
    reload() {
      // Without TLS there is nothing to reload, and what a start that fails has to say it says itself.
      if (config.mode === 'tls')
        starting.then(
          (relay) => reloadTls(relay, log),
          () => {},
        );
    },
  });
  const relay = await starting;
  print(`enigma-relay listening on ${relay.baseUrl}\n`);
  const { address, storage } = config;
  const { baseUrl: url, metricsUrl: metrics } = relay;
  log.info({ url, address, store: storage.kind, metrics }, 'the relay is listening');
}

async function reloadTls(relay: Relay, log: Logger): Promise<void> {
  try {
    await relay.reloadTls();
    log.info({}, 'SIGHUP: the TLS files were read again');
  } catch (err) {
    log.error({ err }, 'SIGHUP: the new TLS files are bad, the old certificate stays');
  }
}

/** Ends the program with one plain line for its operator. */
function fail(error: unknown): never {
  const code = error instanceof RelayError ? error.code : 'internal_error';
  process.stderr.write(`enigma-relay: ${code}: ${oneLine(reasonOf(error))}\n`);
  process.exit(1);
}

function print(text: string): void {
  process.stdout.write(text);
}

function warn(text: string): void {
  process.stderr.write(`enigma-relay: warning: ${oneLine(text)}\n`);
}

/** What arguments and files have in them may break no line, and tell a terminal nothing. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
