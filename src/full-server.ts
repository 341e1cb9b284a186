import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions, Serve, Timeouts } from './exchange.ts';
import { answerHttpErrors } from './http-errors.ts';
import { createListener } from './listener.ts';
import { latestResponse } from './turn.ts';

/** Node's HTTP server for connections that others have accepted. */
export interface FullServer {
  take(socket: Socket): void;
  /** Ends a connection that it has taken: at once if it is idle, else with the latest answer. */
  closeWhenIdle(socket: Socket): void;
  /** To be called when none of its connections is open. */
  close(): void;
}

/** Understands all of HTTP/1.1. */
export function createFullServer(serve: Serve, options: ConnectionOptions & Timeouts): FullServer {
  const server = createServer({
    headersTimeout: options.headMs,
    // A body that the relay makes wait is not late: its own time begins when it is read.
    requestTimeout: 0,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: options.idleMs,
    // Node's own refusal has no body.
    requireHostHeader: false,
  });
  server.timeout = options.idleMs;
  // Node leaves out what comes after 1,000 headers, such as the one that a proxy adds last; how long a head is has a limit anyway.
  server.maxHeadersCount = 0;
  // A client that has sent its last request and says so still gets its answers.
  Object.assign(server, { httpAllowHalfOpen: true });

  const listener = createListener(serve, options);
  server.on('request', (request, response) => listener(request, response));
  server.on('checkContinue', (request, response) => listener(request, response, '100-continue'));
  server.on('checkExpectation', (request, response) => listener(request, response, 'unknown'));
  answerHttpErrors(server, options.droppedBytesMax);
  // It never listens; this is what starts its timeouts.
  server.emit('listening');

  return {
    take: (socket) => server.emit('connection', socket),
    closeWhenIdle,
    close: () => server.close(),
  };
}

function closeWhenIdle(socket: Socket): void {
  const response = latestResponse(socket);
  if (response === undefined || response.writableFinished) socket.destroy();
  else response.once('close', () => socket.destroySoon());
}
