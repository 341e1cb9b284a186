import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, answerUnread } from './answer.ts';
import { type Admit, type Operation, type Reply, refusal } from './api.ts';
import { bodyBytesAtMost, readBody } from './body.ts';
import { Budget } from './budget.ts';
import { RelayError } from './errors.ts';
import { httpRefusal } from './http-errors.ts';
import type { Log } from './log.ts';
import { turnOf } from './turn.ts';

/** Bodies up to this length are read as they come. */
const SMALL_BODY_BYTES = 65_536;
/** What larger ones may take up together while they are read and worked on. */
const LARGE_BODIES_BYTES = 128 * 1024 * 1024;

export interface ListenerOptions {
  readonly log: Log;
  /** How much of a body that is not wanted is read, so that its sender gets to read the answer. */
  readonly droppedBytesMax: number;
  /** Whether connections are to end with their next answer. */
  readonly closing: () => boolean;
}

/** What a request's `Expect` header asks for. */
export type Expectation = 'nothing' | '100-continue' | 'unknown';

export type Listener = (request: IncomingMessage, response: ServerResponse, expects?: Expectation) => void;

/** Reads requests and writes replies; knows no rule of the relay. */
export function createListener(admit: Admit, { log, droppedBytesMax, closing }: ListenerOptions): Listener {
  const largeBodies = new Budget(LARGE_BODIES_BYTES);

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    expects: Expectation,
  ): Promise<void> {
    const turn = turnOf(request, response);
    if (turn !== undefined) await turn;
    // HTTP's own refusal of a malformed or late body may have come first.
    if (response.headersSent) return;
    const malformed = refusalOfHead(request, expects);
    if (malformed !== undefined) return answerUnread(response, malformed, droppedBytesMax, true);

    const { method = '', url: target = '', headers, socket } = request;
    const admitted = admit({ method, target, headers, peer: socket.remoteAddress ?? '' });
    if ('status' in admitted) return answerUnread(response, admitted, droppedBytesMax, closing());
    const refused = admitted.ready === undefined ? undefined : await admitted.ready;
    if (refused !== undefined) return answerUnread(response, refused, droppedBytesMax, closing());

    const bytes = bodyBytesAtMost(request, admitted);
    if (bytes > SMALL_BODY_BYTES) return performLarge(response, admitted, expects, bytes);
    return perform(response, admitted, expects);
  }

  async function perform(
    response: ServerResponse,
    operation: Operation,
    expects: Expectation,
    gone?: Promise<undefined>,
  ): Promise<void> {
    if (response.headersSent) return;
    if (expects === '100-continue') response.writeContinue();
    let body: Buffer | undefined;
    try {
      const whole = readBody(response, operation);
      body = await (gone === undefined ? whole : Promise.race([whole, gone]));
    } catch (error) {
      return answerUnread(response, replyTo(error), droppedBytesMax, closing());
    }
    if (body === undefined) return;
    const reply = await operation.run(body);
    return answer(response, reply, closing());
  }

  async function performLarge(
    response: ServerResponse,
    operation: Operation,
    expects: Expectation,
    bytes: number,
  ): Promise<void> {
    const claim = largeBodies.claim(bytes);
    // A small body that never comes to its end holds nothing; this one holds its claim.
    const gone = closed(response);
    try {
      await Promise.race([claim.granted, gone]);
      await perform(response, operation, expects, gone);
    } finally {
      claim.release();
    }
  }

  return (request, response, expects = 'nothing') => {
    serve(request, response, expects).catch((error) => {
      log.error({ err: error }, 'a request could not be answered');
      response.destroy();
    });
  };
}

function refusalOfHead({ httpVersion, headers }: IncomingMessage, expects: Expectation): Reply | undefined {
  if (headers.host === undefined && httpVersion === '1.1') return httpRefusal(400, 'missing Host header');
  if (expects === 'unknown') return httpRefusal(417, 'nothing but 100-continue can be expected');
  return undefined;
}

function replyTo(error: unknown): Reply {
  if (error instanceof RelayError) return refusal(error);
  throw error;
}

function closed(response: ServerResponse): Promise<undefined> {
  return new Promise((resolve) => {
    response.once('close', () => resolve(undefined));
  });
}
