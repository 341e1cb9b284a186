import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerUnread } from './answer.ts';
import { headText } from './answer-text.ts';
import { type Reply, refusal } from './api.ts';
import { giveUpReading } from './body.ts';
import { RelayError } from './errors.ts';
import { isEnding, latestResponse } from './turn.ts';

/** How long a client may take to end a connection that we have ended. */
const LINGER_MS = 10_000;

/** Answers as JSON, in its turn, what never becomes a request: malformed, late, CONNECT. Such connections end. */
export function answerHttpErrors(server: Server, droppedBytesMax: number): void {
  const ending = new WeakSet<Socket>();
  /** Node's own, which tell a response that its connection takes more. */
  const drains = new WeakMap<Socket, (() => void)[]>();

  function refuse(socket: Socket, reply: Reply): void {
    // Whatever follows malformed bytes is found malformed again.
    if (ending.has(socket)) return;
    ending.add(socket);
    endInTurn(socket, reply, droppedBytesMax);
  }

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // What follows a request that was to be the last is not for us; the connection ends with that one's answer.
    if (error.code === 'HPE_CLOSED_CONNECTION') return;
    const reply = replyTo(error);
    if (reply === undefined) socket.destroy();
    else refuse(socket, reply);
  });

  server.on('connection', (socket: Socket) => {
    drains.set(socket, socket.listeners('drain') as (() => void)[]);
    // Node, whose turn is before this, finds no fault with the end of a request that asks for an upgrade.
    socket.once('end', () => {
      if (latestResponse(socket)?.req.complete === false) refuse(socket, cutShort);
    });
  });

  server.on('connect', ({ socket }: IncomingMessage, stream: Duplex) => {
    // Node has let go of the connection: of its errors, and of answers that wait for it to take more.
    stream.on('error', () => stream.destroy());
    for (const drain of drains.get(socket) ?? []) socket.on('drain', drain);
    const end = (): void => endWith(stream, refusal(new RelayError('not_found')));
    const last = latestResponse(socket);
    if (last === undefined) end();
    else afterAnswer(last, end);
  });
}

/** A refusal of HTTP's own: `invalid_input` with a status that tells more. */
export function httpRefusal(status: number, message: string): Reply {
  return { ...refusal(new RelayError('invalid_input', message)), status };
}

/** The answer to a request that takes too long to come. */
export const tooLate = httpRefusal(408, 'the request did not come in time');

/** The answer to a request whose client has ended before its body has. */
export const cutShort = httpRefusal(400, 'malformed HTTP: Invalid EOF state');

/** Undefined for what is no fault of the HTTP: a connection that broke, a handshake that failed. */
function replyTo({ code, reason }: NodeJS.ErrnoException & { reason?: string }): Reply | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooLate;
  if (code === 'HPE_HEADER_OVERFLOW') return httpRefusal(431, 'the head of the request is too long');
  if (code?.startsWith('HPE_')) return httpRefusal(400, `malformed HTTP: ${reason}`);
  return undefined;
}

/** Ends a connection with this answer, behind those that are due; what its last request still sends is dropped. */
export function endInTurn(socket: Socket, reply: Reply, droppedBytesMax: number): void {
  const last = latestResponse(socket);
  if (last === undefined) endWith(socket, reply);
  else if (last.req.complete) afterAnswer(last, () => endWith(socket, reply));
  else if (last.headersSent) {
    // Its body went wrong after it was refused anyway; the refusal is sent to its end.
    socket.destroySoon();
  } else {
    giveUpReading(last.req);
    void answerUnread(last, reply, droppedBytesMax, true);
    // Nothing follows; what the client still sends is dropped for a while.
    if (last.socket !== null) socket.end();
    // No parser tells the end of such a body.
    if (socket.readableEnded) last.end();
    else socket.once('end', () => last.end());
  }
}

/** Calls `end` when an answer is out, unless the connection ends with it. */
function afterAnswer(response: ServerResponse, end: () => void): void {
  const { socket } = response.req;
  const endOnce = (): void => {
    if (!isEnding(socket)) end();
  };
  if (response.writableFinished) endOnce();
  else response.once('close', endOnce);
}

/** Ends a connection with this answer, and drops what its client still sends until the client ends it too. */
export function endWith(stream: Duplex, reply: Reply): void {
  if (!stream.writable) {
    stream.destroy();
    return;
  }
  stream.end(headText(reply, 0) + reply.body);
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  stream.once('close', () => clearTimeout(timer));
  stream.resume();
}
