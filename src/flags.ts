import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { defaultConfig, parseToml, type RelayConfig, resolveConfig } from './config.ts';
import { RelayError, reasonOf } from './errors.ts';

/** The flags that every command takes: which configuration, and where the store is. */
export const configFlags = { config: { type: 'string' }, 'storage-path': { type: 'string' } } as const;

/** Reads a command line. Throws `config_error` for what it does not know. */
export function readFlags<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
  allowPositionals = false,
): ReturnType<typeof parseArgs<{ args: string[]; options: Options; allowPositionals: boolean }>> {
  try {
    return parseArgs({ args, options, allowPositionals });
  } catch (cause) {
    const [reason] = reasonOf(cause).split(/\.\s/);
    throw new RelayError('config_error', `${reason}; enigma-relay --help lists the options`, { cause });
  }
}

/** The file, or the defaults, with what the command line overrides. */
export function readConfig(
  flags: { config?: string | undefined; address?: string | undefined; 'storage-path'?: string | undefined },
  warn: (text: string) => void,
): RelayConfig {
  const { config: file, address, 'storage-path': path } = flags;
  const { config, warnings } = file === undefined ? { config: defaultConfig, warnings: [] } : readFile(file);
  for (const warning of warnings) warn(warning);
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
