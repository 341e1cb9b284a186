import type { RequestListener } from 'node:http';
import { assemble } from './assembly.ts';
import { type RelayConfigInput, resolveConfig } from './config.ts';
import { createServe } from './exchange.ts';
import { createListener } from './listener.ts';
import { type Logger, silentLog } from './log.ts';
import { type Clock, type Store, systemClock } from './stores/store.ts';

/** The relay's API, for a server of one's own. */
export interface Handler {
  /** Answers every request that it is given, with 404 where it knows no such route. */
  readonly handle: RequestListener;
  /** Ends the connections with their next answers, and the sweep; resolves when none runs any more. */
  stop(): Promise<void>;
}

export interface HandlerParts {
  /** An open store. It stays open; it may be closed once `stop` has resolved and the server is closed. */
  readonly store: Store;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/**
 * The relay without a server: of the configuration, `address`, `mode`, `plainReader`, `tls`, `storage` and `metrics.address` mean
 * nothing to it, and the limits of the store are those that the store was opened with.
 *
 * Removes expired messages until it is stopped. Timeouts, and what is no HTTP, are the server's to answer; behind a trusted
 * proxy its `maxHeadersCount` must be 0, as it would leave out what the proxy adds behind 1,000 headers.
 *
 * Throws `config_error` or `feature_disabled`, as `resolveConfig` does.
 */
export function createHandler(input: RelayConfigInput, parts: HandlerParts): Handler {
  const config = resolveConfig(input);
  const { store, log = silentLog, clock = systemClock } = parts;
  let stopped = false;
  const { admit, droppedBytesMax, endSweeps } = assemble(config, { store, log, clock });
  const serve = createServe(admit, { log, clock });
  const listener = createListener(serve, { droppedBytesMax, closing: () => stopped });
  return {
    handle: (request, response) => listener(request, response),
    stop() {
      stopped = true;
      return endSweeps();
    },
  };
}
