import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { RelayConfig } from './config.ts';

/**
 * What the parts of the relay need of a logger; pino's is one. Fields first, then a sentence. Neither holds a
 * payload, a recipient or an address, but below `info`.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => {};

export const silentLog: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * A log to stderr, one event a line: JSON, or made for reading on a terminal. Each line is written before the call
 * returns, so that the last words of a process that ends are not lost.
 */
export function createLog(level: RelayConfig['log']['level'], terminal: boolean): Logger {
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: UNWRITTEN_CHARACTERS_MAX });
  // A log that cannot be written, as on a full disk, is no reason to end; what fits is written when it can be.
  stderr.on('error', () => {});
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: byName },
  };
  return pino(options, terminal ? pretty({ destination: stderr }) : stderr);
}

const UNWRITTEN_CHARACTERS_MAX = 1_000_000;

/** The level as a word; the number is pino's own. */
function byName(level: string): { level: string } {
  return { level };
}
