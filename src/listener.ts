import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, answerUnread } from './answer.ts';
import type { Answer, Reply, RequestHead } from './api.ts';
import { giveUpReading, receive, sentLength } from './body.ts';
import { type Ending, endingOf } from './ending.ts';
import type { ConnectionOptions, Exchange, Serve, Timeouts } from './exchange.ts';
import { endInTurn, httpRefusal, tooLate } from './http-errors.ts';
import type { LargeBody } from './large-bodies.ts';
import { turnOf } from './turn.ts';

/** Without `requestMs`, how long a body takes is the server's to watch. */
export interface ListenerOptions extends ConnectionOptions, Partial<Pick<Timeouts, 'requestMs'>> {}

/** What a request's `Expect` header asks for. */
export type Expectation = 'nothing' | '100-continue' | 'unknown';

export type Listener = (request: IncomingMessage, response: ServerResponse, expects?: Expectation) => void;

/** Serves the requests of node's HTTP server, each in its turn. */
export function createListener(serve: Serve, options: ListenerOptions): Listener {
  function begin(request: IncomingMessage, response: ServerResponse, expects: Expectation): void {
    // HTTP's own refusal of a malformed or late body may have come first.
    if (response.headersSent) return;
    const malformed = refusalOfHead(request, expects);
    if (malformed === undefined) serve(new NodeExchange(response, expects, options));
    else void answerUnread(response, malformed, options.droppedBytesMax, true);
  }

  return (request, response, expects = 'nothing') => {
    const turn = turnOf(request, response);
    if (turn === undefined) begin(request, response, expects);
    else void turn.then(() => begin(request, response, expects));
  };
}

class NodeExchange implements Exchange {
  readonly head: RequestHead;
  readonly bodyBytes: number;
  readonly #response: ServerResponse;
  readonly #expects: Expectation;
  readonly #options: ListenerOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, expects: Expectation, options: ListenerOptions) {
    const { req } = response;
    const { method = '', url: target = '', headers, socket } = req;
    this.head = { method, target, headers, peer: socket.remoteAddress ?? '' };
    this.bodyBytes = sentLength(req);
    this.#response = response;
    this.#expects = expects;
    this.#options = options;
  }

  get bytesRead(): number {
    return this.#response.req.socket.bytesRead;
  }

  readBody(bytesMax: number, large?: LargeBody): Promise<Buffer | undefined> {
    const { headersSent, req } = this.#response;
    if (this.#expects === '100-continue' && !headersSent) this.#response.writeContinue();
    if (this.#response.destroyed) return Promise.resolve(undefined);
    this.#limitTime();
    const { bodyBytes } = this;
    if (large === undefined) return receive(req, { bodyBytes, bytesMax });
    this.#response.once('close', () => giveUpReading(req));
    const timed = { ...large, enter: () => this.#enter(large) };
    return receive(req, { bodyBytes, bytesMax, large: timed });
  }

  async #enter(large: LargeBody): Promise<boolean> {
    clearTimeout(this.#timer);
    const isIn = await large.enter();
    this.#limitTime();
    return isIn;
  }

  answer(reply: Answer): Promise<void> | undefined {
    if (this.#response.headersSent) return undefined;
    return answer(this.#response, reply, this.#options.closing());
  }

  refuse(reply: Reply): Promise<void> | undefined {
    if (this.#response.headersSent) return undefined;
    const { droppedBytesMax, closing } = this.#options;
    this.#limitTime();
    return answerUnread(this.#response, reply, droppedBytesMax, closing());
  }

  /** For what is still to come of the body, from now on. */
  #limitTime(): void {
    const { requestMs, droppedBytesMax } = this.#options;
    const { req } = this.#response;
    if (requestMs === undefined || req.complete || req.destroyed) return;
    const { socket } = req;
    const isFirst = this.#timer === undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => endInTurn(socket, tooLate, droppedBytesMax), requestMs);
    if (!isFirst) return;
    const clear = (): void => {
      clearTimeout(this.#timer);
      socket.off('close', clear);
    };
    // A request that its connection leaves unfinished does not always close.
    req.once('close', clear);
    socket.once('close', clear);
  }

  watch(): Ending {
    return endingOf(this.#response);
  }

  cutOff(): void {
    const { headersSent, req } = this.#response;
    if (!req.complete && !headersSent) endInTurn(req.socket, tooLate, this.#options.droppedBytesMax);
  }

  abandon(): void {
    this.#response.destroy();
  }
}

function refusalOfHead(
  { httpVersion, headers, headersDistinct }: IncomingMessage,
  expects: Expectation,
): Reply | undefined {
  const hosts = headersDistinct.host?.length ?? 0;
  if (hosts === 0 && httpVersion === '1.1') return httpRefusal(400, 'missing Host header');
  if (hosts > 1) return httpRefusal(400, 'more than one Host header');
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return httpRefusal(400, 'no transfer coding but chunked is understood');
  // Node looks for the word only.
  const isUnknown = expects === '100-continue' && headers.expect?.toLowerCase() !== '100-continue';
  if (expects === 'unknown' || isUnknown) return httpRefusal(417, 'nothing but 100-continue can be expected');
  return undefined;
}
