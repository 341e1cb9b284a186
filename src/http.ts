import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Admit } from './api.ts';
import { reasonOf } from './errors.ts';
import { createServe, type Timeouts } from './exchange.ts';
import { createFullServer } from './full-server.ts';
import type { Logger } from './log.ts';
import { PlainConnection } from './plain.ts';
import { endSlowReaders } from './slow-readers.ts';
import type { Clock } from './stores/store.ts';

/**
 * Connections that may wait to be accepted, as far as the system allows; Node asks for 511. A client that finds the queue
 * full tries again only after a second, and all come at once after a restart.
 */
const QUEUE_LENGTH = 4_096;

/** How long answers that are on their way may take once the server stops. */
const DRAIN_MS = 5_000;

/** How often it is told that connections were refused, at most. */
const WARN_MS = 60_000;

/** Clients keep idle connections for 90 s. */
const defaultTimeouts: Timeouts = { headMs: 10_000, requestMs: 60_000, idleMs: 120_000 };

export interface HttpServerOptions {
  readonly log: Logger;
  readonly droppedBytesMax: number;
  /** Speaks TLS with these; with `ca`, to clients with a certificate of it only. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
  /** Whether plain requests are read without node's HTTP server. */
  readonly plainReader: boolean;
  /** How many connections may be open; more are closed as they come. */
  readonly connectionsMax?: number | undefined;
  readonly timeouts?: Partial<Timeouts>;
}

export interface HttpServer {
  /** Resolves with what was bound; rejects when it cannot be. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Uses these for the connections to come. */
  setTls(tls: SecureContextOptions): void;
  /** Closes idle connections at once, the others with their answer, and after 5 s what is left. */
  stop(): Promise<void>;
}

/** Accepts connections; each is read as plain requests until one is not, and by node's HTTP server from then on. */
export function createHttpServer(admit: Admit, options: HttpServerOptions): HttpServer {
  const { log, tls, clock, plainReader, droppedBytesMax, connectionsMax } = options;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const server =
    tls === undefined ? createServer({ noDelay: true }) : createTlsServer(tlsSettings(tls, timeouts.headMs));
  const transports = openSockets(server, 'connection');
  const connections = tls === undefined ? transports : openSockets(server, 'secureConnection');

  const serve = createServe(admit, { log, clock });
  const closing = (): boolean => !server.listening;
  const common = { closing, droppedBytesMax, ...timeouts };
  const full = createFullServer(serve, common);
  const plain = new WeakMap<Socket, PlainConnection>();
  const plainOptions = { ...common, serve, handOver };
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    // Reset before it was accepted: what came before that is nobody's, and would count against no source's limits.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    // A client that has sent its last request and says so still gets its answers.
    socket.allowHalfOpen = true;
    if (plainReader) plain.set(socket, new PlainConnection(socket, plainOptions));
    else full.take(socket);
  });

  function handOver(socket: Socket): void {
    plain.delete(socket);
    full.take(socket);
  }

  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log.debug({ reason: reasonOf(error) }, 'a TLS handshake failed');
    // Node ends all others.
    if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') socket.destroy();
  });

  let endChecks = (): void => {};
  return {
    async listen(host, port) {
      server.listen({ host, port, backlog: QUEUE_LENGTH });
      await once(server, 'listening');
      server.on('error', (error) => log.warn({ err: error }, 'a connection could not be accepted'));
      endChecks = endSlowReaders(connections, clock);
      if (connectionsMax !== undefined) limitConnections(server, connectionsMax, log, clock);
      return server.address() as AddressInfo;
    },
    setTls(changed) {
      if ('setSecureContext' in server) server.setSecureContext(secure(changed));
    },
    async stop() {
      if (!server.listening) return full.close();
      const closed = once(server, 'close');
      server.close();
      for (const socket of connections) (plain.get(socket) ?? full).closeWhenIdle(socket);
      const cancel = clock.after(DRAIN_MS, () => {
        for (const socket of transports) socket.destroy();
      });
      await closed;
      cancel();
      endChecks();
      full.close();
    },
  };
}

function limitConnections(server: Server, connectionsMax: number, log: Logger, clock: Clock): void {
  server.maxConnections = connectionsMax;
  let warnedMs = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    if (clock.monotonicMs() < warnedMs + WARN_MS) return;
    warnedMs = clock.monotonicMs();
    log.warn({ connections: connectionsMax }, 'connections are refused: too many are open');
  });
}

function tlsSettings(tls: SecureContextOptions, handshakeTimeout: number): TlsOptions {
  const mutual = tls.ca !== undefined;
  return {
    ...secure(tls),
    noDelay: true,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout,
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
