import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createApi } from './api.ts';
import type { RelayConfig } from './config.ts';
import { createHttpServer } from './http.ts';
import { openStore } from './stores/open.ts';

/** A relay that listens. */
export interface Relay {
  /** Opens from the same machine, for example `http://127.0.0.1:7000`. */
  readonly baseUrl: string;
  /** Drains and lets go of everything; resolves when the store is closed. */
  stop(): Promise<void>;
}

/** The composition root: opens the store, starts the server. */
export async function startRelay(config: RelayConfig): Promise<Relay> {
  const store = await openStore(config);
  const server = createHttpServer(createApi(store));
  const [host, port] = config.address.split(':');
  server.listen(Number(port), host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await store.close();
    },
  };
}
