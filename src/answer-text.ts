import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from './api.ts';
import { writePart, writeParts } from './parts.ts';

/** An answer's text, and what it was made of. */
interface WholeAnswer {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly body: string;
  readonly idleSeconds: number;
  readonly date: string;
  readonly text: string;
}

let last: WholeAnswer = { status: 0, retryAfter: undefined, body: '', idleSeconds: 0, date: '', text: '' };

/**
 * Writes an answer to a connection that has no response to write it with. A promise for one in parts, which resolves
 * when the last was written. `idleSeconds`: how long the connection is then kept for another request; 0 where it ends.
 */
export function writeAnswer(socket: Socket, answer: Answer, idleSeconds: number): Promise<void> | undefined {
  const { body, more } = answer;
  if (typeof body === 'string' && more === undefined) {
    socket.write(wholeText(answer, body, idleSeconds));
    return undefined;
  }
  socket.cork();
  socket.write(headText(answer, idleSeconds));
  const parts = more === undefined ? undefined : writeParts(socket, answer, true);
  if (parts === undefined) writePart(socket, body);
  socket.uncork();
  return parts;
}

/** A whole answer. Nearly all pulls get the same one for as long as its date is true. */
function wholeText(answer: Answer, body: string, idleSeconds: number): string {
  const { status, retryAfter } = answer;
  const now = dateText();
  const isSame =
    body === last.body &&
    now === last.date &&
    idleSeconds === last.idleSeconds &&
    status === last.status &&
    retryAfter === last.retryAfter;
  if (isSame) return last.text;
  const text = headText(answer, idleSeconds) + body;
  last = { status, retryAfter, body, idleSeconds, date: now, text };
  return text;
}

/** The head of an answer as node's own server would write it. */
export function headText({ status, body, more, retryAfter }: Answer, idleSeconds: number): string {
  const length = more === undefined ? `content-length: ${Buffer.byteLength(body)}\r\n` : '';
  const chunked = more === undefined ? '' : 'Transfer-Encoding: chunked\r\n';
  const retry = retryAfter === undefined ? '' : `retry-after: ${retryAfter}\r\n`;
  const close = idleSeconds === 0 ? 'connection: close\r\n' : '';
  const kept = idleSeconds === 0 ? '' : `Connection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n`;
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\n` +
    `${length}${retry}${close}Date: ${dateText()}\r\n${kept}${chunked}\r\n`
  );
}

let date: string | undefined;

/** The time for a `Date` header, made anew once a second, or as soon as the event loop gets to it. */
function dateText(): string {
  if (date !== undefined) return date;
  const now = new Date();
  setTimeout(() => {
    date = undefined;
  }, 1000 - now.getMilliseconds()).unref();
  date = now.toUTCString();
  return date;
}
