import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { RelayConfig } from './config.ts';

/**
 * What the parts of the relay need of a logger; pino's is one. Fields first, then a sentence. Neither holds a
 * payload, a recipient or an address, but below `info`.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => {};

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * A log to stderr, one event a line: JSON, or made for reading where stderr is a terminal. Each line is written
 * before the call returns, so that the last words of a process that ends are not lost.
 */
export function createLog(level: RelayConfig['log']['level']): Log {
  const stderr = 2;
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: byName },
  };
  return process.stderr.isTTY
    ? pino(options, pretty({ destination: stderr, sync: true }))
    : pino(options, pino.destination({ dest: stderr, sync: true }));
}

/** The level as a word: a number is pino's own. */
function byName(level: string): { level: string } {
  return { level };
}
