#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { defaultConfig, parseToml, type RelayConfig, resolveConfig } from './config.ts';
import { printConfig } from './config-text.ts';
import { RelayError } from './errors.ts';
import { createLog, type Log } from './log.ts';
import { type Relay, startRelay } from './relay.ts';

const usage = `A store-and-forward relay for end-to-end encrypted messengers.

usage: enigma-relay [options]

  --config FILE         read the configuration from a TOML file
  --address HOST:PORT   listen here, whatever the file says
  --storage-path DIR    keep messages here, whatever the file says
  --check-config        check the configuration and exit
  --print-config        print the configuration in effect, ready to save, and exit
  --help                print this and exit
  --version             print the version and exit

Without a file every option has its default; --print-config shows them all.
`;

try {
  await main();
} catch (error) {
  fail(error);
}

async function main(): Promise<void> {
  // A reader of stdout or stderr that has gone away does not end the relay.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const flags = readFlags(process.argv.slice(2));
  if (flags.help) return print(usage);
  if (flags.version) return print(`enigma-relay ${packageVersion()}\n`);

  const config = readConfig(flags);
  if (flags['print-config']) return print(printConfig(config));
  if (flags['check-config']) return print('the configuration is valid\n');
  await run(config);
}

type Flags = ReturnType<typeof readFlags>;

function readFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: 'string' },
        address: { type: 'string' },
        'storage-path': { type: 'string' },
        'check-config': { type: 'boolean' },
        'print-config': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }).values;
  } catch (cause) {
    const [reason] = reasonOf(cause).split('. ');
    throw new RelayError('config_error', `${reason}; enigma-relay --help lists the options`, { cause });
  }
}

/** The file, or the defaults, with what the command line overrides. */
function readConfig({ config: file, address, 'storage-path': path }: Flags): RelayConfig {
  const { config, warnings } = file === undefined ? { config: defaultConfig, warnings: [] } : readFile(file);
  for (const warning of warnings) process.stderr.write(`enigma-relay: warning: ${warning}\n`);
  return resolveConfig({
    ...config,
    address: address ?? config.address,
    storage: { ...config.storage, path: path ?? config.storage.path },
  });
}

function readFile(file: string): ReturnType<typeof parseToml> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    throw new RelayError('config_error', `${file} cannot be read (${reasonOf(cause)})`, { cause });
  }
  return parseToml(text, file);
}

async function run(config: RelayConfig): Promise<void> {
  const log = createLog(config.log.level, process.stderr.isTTY);
  process.on('uncaughtException', (err) => {
    log.error({ err }, 'the relay ends: an error that nothing has caught');
    process.exit(1);
  });
  let relay: Relay | undefined;
  // Without TLS, and until the relay listens, there is nothing to reload, but the signal must not end it either.
  process.on('SIGHUP', () => relay && config.mode === 'tls' && reloadTls(relay, log));
  relay = await startRelay(config, { log });
  stopOnSignals(relay, log);
  print(`enigma-relay listening on ${relay.baseUrl}\n`);
  log.info({ store: config.storage.kind }, 'the relay is listening');
}

async function reloadTls(relay: Relay, log: Log): Promise<void> {
  try {
    await relay.reloadTls();
    log.info({}, 'SIGHUP: the TLS files were read again');
  } catch (err) {
    log.error({ err }, 'SIGHUP: the new TLS files are bad, the old certificate stays');
  }
}

/** The first signal drains; a second one does not wait for that. */
function stopOnSignals(relay: Relay, log: Log): void {
  let stopping = false;
  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    log.info({ signal }, 'the relay stops');
    relay.stop().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Ends the program with one plain line for its operator. */
function fail(error: unknown): never {
  const code = error instanceof RelayError ? error.code : 'internal_error';
  process.stderr.write(`enigma-relay: ${code}: ${reasonOf(error)}\n`);
  process.exit(1);
}

function print(text: string): void {
  process.stdout.write(text);
}

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
