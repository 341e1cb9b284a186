import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { parseAddress, urlOf } from './address.ts';
import { errorBody, RelayError } from './errors.ts';
import type { Logger } from './log.ts';

/** Who scrapes needs one. */
const CONNECTIONS_MAX = 32;

export interface MetricsListener {
  /** Where `/metrics` is. */
  readonly url: string;
  /** Ends what is open, too. */
  stop(): Promise<void>;
}

/** Serves `GET /metrics`, and nothing else, at `host:port`. Throws `config_error` if it cannot listen there. */
export async function startMetricsListener(
  address: string,
  registry: Registry,
  log: Logger,
): Promise<MetricsListener> {
  const { host, port } = parseAddress(address);
  const server = createServer(({ method, url }, response) => {
    if (method === 'GET' && url?.split('?', 1)[0] === '/metrics') void scrape(registry, response, log);
    else refuse(response, new RelayError('not_found'));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `metrics.address "${address}" cannot be listened on (${cause.message})`;
      reject(new RelayError('config_error', message, { cause }));
    });
    server.listen(port, host, resolve);
  });
  return {
    url: `${urlOf('http', host, server.address() as AddressInfo)}/metrics`,
    stop() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function scrape(registry: Registry, response: ServerResponse, log: Logger): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch (error) {
    log.error({ err: error }, 'metrics could not be read');
    refuse(response, new RelayError('internal_error'));
  }
}

function refuse(response: ServerResponse, error: RelayError): void {
  response.writeHead(error.status, { 'content-type': 'application/json' }).end(errorBody(error));
}
