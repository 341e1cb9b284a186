import type { RelayConfig } from '../config.ts';
import { RelayError } from '../errors.ts';

/** A command of the program beside running a relay: takes the arguments behind its name, resolves with the exit status. */
export type Command = (args: string[], io: Io) => Promise<number>;

export interface Io {
  readonly print: (text: string) => void;
  /** Takes a sentence without its end of line. */
  readonly warn: (text: string) => void;
}

/** The directory of the disk store that a configuration names. */
export function storePath({ storage }: RelayConfig): string {
  if (storage.kind === 'memory')
    throw new RelayError('config_error', 'a store of kind "memory" has no files');
  return storage.path;
}
