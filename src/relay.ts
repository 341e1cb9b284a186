import { type Address, parseAddress, urlOf } from './address.ts';
import { assemble } from './assembly.ts';
import { type RelayConfig, type RelayConfigInput, resolveConfig } from './config.ts';
import { RelayError, reasonOf } from './errors.ts';
import { createGate } from './gate.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { type Logger, silentLog } from './log.ts';
import { startMetricsListener } from './metrics-listener.ts';
import { connectionsMax } from './open-files.ts';
import { openStore } from './stores/open.ts';
import { type Clock, type Store, systemClock } from './stores/store.ts';
import { readTls } from './tls.ts';

/** A relay that listens. */
export interface Relay {
  /** Opens from the same machine, for example `http://127.0.0.1:7000`. */
  readonly baseUrl: string;
  /** Where metrics are read, if they are on, for example `http://127.0.0.1:9464/metrics`. */
  readonly metricsUrl?: string;
  /** Reads the TLS files again, for the connections to come. Rejects with `tls_error` when they are bad, and goes on with the old ones. */
  reloadTls(): Promise<void>;
  /** Answers what is on its way, for 5 s at most, and lets go of everything; resolves when the store is closed. */
  stop(): Promise<void>;
}

/** What a program may bring of its own. */
export interface RelayParts {
  /** An open store instead of the one that the configuration names; it stays open. */
  readonly store?: Store;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/**
 * Opens the store and starts to listen.
 *
 * Throws `config_error`, `tls_error`, `storage_error` or `feature_disabled`, and has let go of everything then.
 */
export async function startRelay(input: RelayConfigInput = {}, parts: RelayParts = {}): Promise<Relay> {
  const config = resolveConfig(input);
  const held: Release[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= releaseAll(held);
    return stopping;
  };
  try {
    return { ...(await start(config, parts, held)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Release = () => Promise<void>;

async function start(config: RelayConfig, parts: RelayParts, held: Release[]): Promise<Omit<Relay, 'stop'>> {
  const { log = silentLog, clock = systemClock } = parts;
  const secure = config.mode === 'tls';
  const address = parseAddress(config.address);
  const tls = secure ? { tls: await readTls(config.tls, log, clock) } : {};

  const store = parts.store ?? (await openStore(config, { log, clock }));
  if (parts.store === undefined) held.push(() => store.close());
  const { admit, droppedBytesMax, metrics, endSweeps } = assemble(config, { store, log, clock });
  held.push(endSweeps);
  const listener = metrics && (await startMetricsListener(config.metrics.address, metrics.registry, log));
  if (listener !== undefined) held.push(() => listener.stop());

  const server = createHttpServer(admit, {
    log,
    clock,
    droppedBytesMax,
    plainReader: config.plainReader,
    connectionsMax: connectionsMax(),
    ...tls,
  });
  held.push(() => server.stop());
  const bound = await listen(server, address, config.address);
  // One after the other: what was read first is not to come into use last.
  const inTurn = createGate(1);
  return {
    baseUrl: urlOf(secure ? 'https' : 'http', address.host, bound),
    ...(listener && { metricsUrl: listener.url }),
    reloadTls: () =>
      inTurn(async () => {
        if (secure) server.setTls(await readTls(config.tls, log, clock));
      }),
  };
}

async function listen(server: HttpServer, { host, port }: Address, option: string) {
  try {
    return await server.listen(host, port);
  } catch (cause) {
    const what = `address "${option}" cannot be listened on (${reasonOf(cause)})`;
    throw new RelayError('config_error', what, { cause });
  }
}

/** Lets go in reverse order, of everything even if some of it fails; throws the first failure then. */
async function releaseAll(held: Release[]): Promise<void> {
  const failures: unknown[] = [];
  for (const release of held.reverse()) await release().catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
