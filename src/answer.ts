import type { ServerResponse } from 'node:http';
import type { Answer, Reply } from './api.ts';
import { sentLength } from './body.ts';
import { chooseEncoding, compress, type ResponseEncoding } from './compress.ts';
import { writeParts } from './parts.ts';
import { endTurns } from './turn.ts';

/** More of a refused body than this is not waited for: the connection ends instead. */
export const BODY_AWAITED_BYTES = 65_536;
/** How long a client may take to notice that it was refused. */
export const DROP_MS = 10_000;

/** Answers a request whose body was read to its end; compressed, if the client asked for it and it is worth it. */
export function answer(response: ServerResponse, reply: Answer, close: boolean): Promise<void> | undefined {
  if (reply.more !== undefined) {
    writeHead(response, reply, undefined, close);
    return writeParts(response, reply, false).then(() => void response.end());
  }
  const encoding = chooseEncoding(response.req.headers['accept-encoding'], reply.body.length);
  if (encoding !== undefined) return answerCompressed(response, reply, close, encoding);
  writeHead(response, reply, Buffer.byteLength(reply.body), close);
  response.end(reply.body);
  return undefined;
}

async function answerCompressed(
  response: ServerResponse,
  reply: Answer,
  close: boolean,
  encoding: ResponseEncoding,
): Promise<void> {
  const body = await compress(reply.body, encoding);
  writeHead(response, reply, body.length, close, ['content-encoding', encoding]);
  response.end(body);
}

/**
 * Answers a request whose body is not wanted. What is still to come of it is read and dropped; where that may be much,
 * the connection ends when the client is done, or after `bytesMax` or 10 s: if it ended at once, the answer would never
 * reach a client that is still sending.
 */
export async function answerUnread(
  response: ServerResponse,
  reply: Reply,
  bytesMax: number,
  close: boolean,
): Promise<void> {
  const { req: request } = response;
  const toCome = request.complete ? 0 : sentLength(request);
  if (toCome === 0 || (toCome <= BODY_AWAITED_BYTES && !close)) return answer(response, reply, close);

  // A body of unknown length may turn out to be short, and then the connection goes on.
  const closing = close || toCome !== Number.POSITIVE_INFINITY;
  writeHead(response, reply, Buffer.byteLength(reply.body), closing);
  response.write(reply.body);
  const dropped = await dropBody(response, bytesMax);
  if (request.complete && dropped <= BODY_AWAITED_BYTES) response.end();
  else response.end(() => request.socket.destroySoon());
}

/** Reads a body until its end, and gives up after `bytesMax` or 10 s. Resolves with how much that was. */
function dropBody(response: ServerResponse, bytesMax: number): Promise<number> {
  return new Promise((resolve) => {
    let dropped = 0;
    const finish = (): void => {
      clearTimeout(timer);
      resolve(dropped);
    };
    const timer = setTimeout(finish, DROP_MS);
    response.req.on('data', (piece: Buffer) => {
      dropped += piece.length;
      if (dropped > bytesMax) finish();
    });
    response.req.once('end', finish);
    response.once('close', finish);
  });
}

function writeHead(
  response: ServerResponse,
  { status, retryAfter }: Answer,
  length: number | undefined,
  close: boolean,
  more: readonly string[] = [],
): void {
  const list = ['content-type', 'application/json', ...more];
  if (length !== undefined) list.push('content-length', String(length));
  if (retryAfter !== undefined) list.push('retry-after', String(retryAfter));
  if (close) list.push('connection', 'close');
  response.writeHead(status, list);
  // Node may want to close on its own, as after a refusal of a body that waits to be asked for.
  if (close || !response.shouldKeepAlive) endTurns(response);
}
