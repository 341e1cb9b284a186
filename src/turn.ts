import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The latest request's response of each connection, whether it was begun or waits. */
const latest = new WeakMap<Socket, ServerResponse>();

/** How many requests of a connection wait for their turn; only for connections where any ever did. */
const waiting = new WeakMap<Socket, number>();

export function latestResponse(socket: Socket): ServerResponse | undefined {
  return latest.get(socket);
}

/** Connections that end with an answer which was given. */
const ended = new WeakSet<Socket>();

/** Nothing that follows on a connection has a turn: this answer is its last. */
export function endTurns({ req }: ServerResponse): void {
  ended.add(req.socket);
}

/** Whether the answer that is the connection's last was given. */
export function isEnding(socket: Socket): boolean {
  return ended.has(socket);
}

/**
 * A connection's requests have their turns one after another: each begins when the answer before it was taken, so that
 * a client that pipelines without reading holds one answer at most. While any wait the socket is not read.
 *
 * Undefined when it is this request's turn already, as it is for every client that does not pipeline. Otherwise
 * resolves when it is; never, when the connection ends before.
 */
export function turnOf(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
  const { socket } = request;
  // Node goes on reading requests that came with the last one.
  if (ended.has(socket)) return new Promise(() => {});
  const before = latest.get(socket);
  latest.set(socket, response);
  if (before === undefined) heedPauses(socket);
  // Node gives a response the socket once the one before it is done.
  if (response.socket !== null || before === undefined) return undefined;
  hold(socket);
  return new Promise((resolve) => {
    before.once('close', () => {
      if (response.socket === null) return;
      release(socket);
      resolve();
    });
  });
}

/**
 * Sees to it that node's parser is given nothing while the socket is paused. It reads beneath the stream, at each 'resume'
 * and until a 'pause': a resume that was taken back before it was told would have it read on, past what the stream still
 * holds. And of what TLS has read it is given all, though a pause came amid it, and would lose that: it reads from the
 * stream there.
 */
function heedPauses(socket: Socket): void {
  if (socket instanceof TLSSocket) {
    // This is what has it read from the stream.
    socket.on('data', () => {});
    // Node does this where it reads beneath, and relies on it: `_paused` says that answers wait to be taken.
    socket.on('resume', () => {
      if ((socket as { _paused?: boolean })._paused) socket.pause();
    });
  } else {
    socket.on('resume', () => {
      if (socket.isPaused()) socket.emit('pause');
    });
  }
}

function hold(socket: Socket): void {
  const length = waiting.get(socket);
  waiting.set(socket, (length ?? 0) + 1);
  if (length === undefined) {
    // Node resumes the socket by itself at the end of each message that it reads.
    socket.on('resume', () => {
      if (waiting.get(socket) !== 0) socket.pause();
    });
  }
  socket.pause();
}

function release(socket: Socket): void {
  const length = (waiting.get(socket) ?? 1) - 1;
  waiting.set(socket, length);
  if (length === 0) socket.resume();
}
