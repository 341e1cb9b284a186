import type { Admit, Answer, Operation, Reply, RequestHead } from './api.ts';
import { inflate } from './body.ts';
import { RelayError } from './errors.ts';
import { LargeBodies, type LargeBody, type Sender, SMALL_BODY_BYTES } from './large-bodies.ts';
import type { Logger } from './log.ts';
import { type Soon, whenThere } from './soon.ts';
import type { Clock } from './stores/store.ts';

/** A request whose head has come, and the way to its answer, whatever reads the one and writes the other. */
export interface Exchange extends Sender {
  readonly head: RequestHead;
  /** The length of the body as it is sent; Infinity where only its end will tell. */
  readonly bodyBytes: number;
  /**
   * Reads the body to its end, for which its client has a limited time from now on; to be called once. Resolves with
   * undefined when the time is over, or the connection, before that; without `large` it may never settle then.
   *
   * One of known length is put together in what `large` allocates; any other enters it before it is read past
   * `SMALL_BODY_BYTES`. Throws `payload_too_large` as soon as it is past `bytesMax`, and what entering throws.
   */
  readBody(bytesMax: number, large?: LargeBody): Buffer | Promise<Buffer | undefined>;
  /** Answers a request whose body was read to its end. */
  answer(answer: Answer): Promise<void> | undefined;
  /** Answers a request whose body is not wanted. */
  refuse(reply: Reply): Promise<void> | undefined;
  /** Ends the connection of a request that cannot be answered. */
  abandon(): void;
}

export type Serve = (exchange: Exchange) => void;

/** What whoever reads requests from a connection goes by. */
export interface ConnectionOptions {
  /** Whether connections are to end with their next answer. */
  readonly closing: () => boolean;
  /** How much of a body that is not wanted is read, so that its sender gets to read the answer. */
  readonly droppedBytesMax: number;
}

export interface Timeouts {
  /** For a head, from its first byte; for a TLS handshake too. */
  readonly headMs: number;
  /** For a body, from when it is read on: it may have to wait for room. */
  readonly requestMs: number;
  /** For the next request. So long may also nothing move while a client takes its answer. */
  readonly idleMs: number;
}

/** Takes requests from their heads to their answers; knows no rule of the relay, and none of HTTP. */
export function createServe(admit: Admit, { log, clock }: { log: Logger; clock: Clock }): Serve {
  const largeBodies = new LargeBodies(clock);

  function serve(exchange: Exchange): Soon<void> {
    const admitted = admit(exchange.head);
    if ('status' in admitted) return exchange.refuse(admitted);
    return whenThere(admitted.ready, (refused) =>
      refused === undefined ? serveAdmitted(exchange, admitted) : exchange.refuse(refused),
    );
  }

  function serveAdmitted(exchange: Exchange, operation: Operation): Soon<void> {
    const { bodyBytesMax, contentEncoding } = operation;
    if (exchange.bodyBytes > SMALL_BODY_BYTES || contentEncoding !== 'identity')
      return performLarge(exchange, operation).then(sent);
    const body = exchange.readBody(bodyBytesMax);
    if (!Buffer.isBuffer(body)) return perform(exchange, operation, body).then(sent);
    // Most bodies come with their heads, and wait for nothing.
    return whenThere(operation.run(body), (answer) => exchange.answer(answer));
  }

  function fail(exchange: Exchange, error: unknown): void {
    // An answer that breaks off is told by the end of its connection alone, and the client asks again. A `RelayError` is
    // no fault: a message may go while it is sent.
    if (!(error instanceof RelayError)) log.error({ err: error }, 'a request could not be answered');
    exchange.abandon();
  }

  return (exchange) => {
    try {
      const served = serve(exchange);
      if (served instanceof Promise) served.catch((error) => fail(exchange, error));
    } catch (error) {
      fail(exchange, error);
    }
  };

  /** What is sent is sent without the room: a client may take all the time that it likes to read it. */
  async function performLarge(exchange: Exchange, operation: Operation): Promise<Send | undefined> {
    const { source, contentEncoding, bodyBytesMax } = operation;
    const bytes = contentEncoding === 'identity' ? Math.min(exchange.bodyBytes, bodyBytesMax) : bodyBytesMax;
    const large = largeBodies.open(exchange, source, bytes);
    try {
      return await perform(exchange, operation, wholeBody(exchange, operation, large));
    } finally {
      // Stores have let go of the payload, which stands in its buffer.
      large.leave();
    }
  }
}

/** Sends what a request is answered with. */
type Send = () => Promise<void> | undefined;

function sent(send: Send | undefined): Soon<void> {
  return send?.();
}

/** Undefined stands for a body that will never be whole, and for no answer to it. */
async function perform(
  exchange: Exchange,
  operation: Operation,
  whole: Promise<Buffer | undefined>,
): Promise<Send | undefined> {
  let body: Buffer | undefined;
  try {
    body = await whole;
  } catch (error) {
    const refusal = operation.refuse(error);
    return () => exchange.refuse(refusal);
  }
  if (body === undefined) return undefined;
  const answer = await operation.run(body);
  return () => exchange.answer(answer);
}

/** Once it has come, a body is inflated to its end, whether or not its client has gone: what it takes up is taken up till then. */
async function wholeBody(
  exchange: Exchange,
  { bodyBytesMax, contentEncoding }: Operation,
  large: LargeBody,
): Promise<Buffer | undefined> {
  const { bodyBytes } = exchange;
  const isLarge = bodyBytes > SMALL_BODY_BYTES && bodyBytes !== Number.POSITIVE_INFINITY;
  if (isLarge && !(await large.enter())) return undefined;
  const sent = await exchange.readBody(bodyBytesMax, large);
  if (sent === undefined || contentEncoding === 'identity') return sent;
  // Nearly all that come small are small.
  const small =
    sent.length <= SMALL_BODY_BYTES ? await inflate(sent, contentEncoding, SMALL_BODY_BYTES) : undefined;
  if (small !== undefined || !(await large.enter())) return small;
  const body = await inflate(sent, contentEncoding, bodyBytesMax);
  if (body === undefined) throw new RelayError('payload_too_large');
  return body;
}
