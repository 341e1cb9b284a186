import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type ServerOptions as TlsServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { Admit } from './api.ts';
import { answerHttpErrors } from './http-errors.ts';
import { createListener } from './listener.ts';
import type { Log } from './log.ts';
import type { Clock } from './stores/store.ts';
import { latestResponse } from './turn.ts';

/** How long answers that are on their way may take once the server stops. */
const DRAIN_MS = 5_000;

const defaultTimeouts = {
  /** For a head, from its first byte. */
  headMs: 10_000,
  /** For a whole request, from its first byte. */
  requestMs: 60_000,
};

/** Clients keep idle connections for 90 s. */
const IDLE_MS = 120_000;
/** A connection on which nothing moves for this long, as its client does not take its answer, is closed. */
const STALLED_MS = 120_000;

export interface HttpServerOptions {
  readonly log: Log;
  readonly droppedBytesMax: number;
  /** Speaks TLS with these; with `ca`, to clients with a certificate of it only. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
  readonly timeouts?: typeof defaultTimeouts;
}

export interface HttpServer {
  /** Resolves with what was bound; rejects when it cannot be. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Uses these for the connections to come. */
  setTls(tls: SecureContextOptions): void;
  /** Closes idle connections at once, the others with their answer, and after 5 s what is left. */
  stop(): Promise<void>;
}

export function createHttpServer(admit: Admit, options: HttpServerOptions): HttpServer {
  const { log, droppedBytesMax, tls, clock, timeouts = defaultTimeouts } = options;
  const settings: ServerOptions = {
    headersTimeout: timeouts.headMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: IDLE_MS,
    // Node's own refusal has no body.
    requireHostHeader: false,
  };
  const server =
    tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...tlsSettings(tls) });
  server.timeout = STALLED_MS;
  // A client that has sent its last request and says so still gets its answers.
  Object.assign(server, { httpAllowHalfOpen: true });

  const serve = createListener(admit, { log, droppedBytesMax, closing: () => !server.listening });
  server.on('request', (request, response) => serve(request, response));
  server.on('checkContinue', (request, response) => serve(request, response, '100-continue'));
  server.on('checkExpectation', (request, response) => serve(request, response, 'unknown'));
  answerHttpErrors(server, droppedBytesMax);

  const transports = openSockets(server, 'connection');
  const connections = tls === undefined ? transports : openSockets(server, 'secureConnection');
  // Node's own would cut off answers that are still being sent.
  server.closeIdleConnections = () => {
    for (const socket of connections) closeWhenIdle(socket);
  };

  return {
    async listen(host, port) {
      server.listen({ host, port });
      await once(server, 'listening');
      server.on('error', (error) => log.warn({ err: error }, 'a connection could not be accepted'));
      return server.address() as AddressInfo;
    },
    setTls(changed) {
      if ('setSecureContext' in server) server.setSecureContext(secure(changed));
    },
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      const cancel = clock.after(DRAIN_MS, () => {
        for (const socket of transports) socket.destroy();
      });
      await closed;
      cancel();
    },
  };
}

function tlsSettings(tls: SecureContextOptions): TlsServerOptions {
  const mutual = tls.ca !== undefined;
  return {
    ...secure(tls),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: 10_000,
    requestCert: mutual,
    rejectUnauthorized: mutual,
  };
}

function secure(tls: SecureContextOptions): SecureContextOptions {
  return { ...tls, minVersion: 'TLSv1.2' };
}

function openSockets(server: Server, event: string): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function closeWhenIdle(socket: Socket): void {
  const response = latestResponse(socket);
  if (response === undefined || response.writableFinished) socket.destroy();
  else response.once('close', () => socket.destroySoon());
}
