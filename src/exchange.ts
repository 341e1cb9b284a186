import type { Writable } from 'node:stream';
import type { Admit, Answer, Operation, Reply, RequestHead } from './api.ts';
import { inflate } from './body.ts';
import { Budget } from './budget.ts';
import { BufferPool } from './buffer-pool.ts';
import { RelayError } from './errors.ts';
import type { Log } from './log.ts';

/** Bodies up to this length are read as they come. */
const SMALL_BODY_BYTES = 65_536;
/** What larger ones may take up together while they are read and worked on. */
const LARGE_BODIES_BYTES = 128 * 1024 * 1024;

/** A request whose head has come, and the way to its answer, whatever reads the one and writes the other. */
export interface Exchange {
  readonly head: RequestHead;
  /** The length of the body as it is sent; Infinity where only its end will tell. */
  readonly bodyBytes: number;
  /**
   * Reads the body to its end, for which its client has a limited time from now on; to be called once. Never settles when
   * the connection ends before that. One that comes in pieces is put together in what `allocate` gives, if its length is
   * known.
   *
   * Throws `payload_too_large` as soon as it is past `bytesMax`.
   */
  readBody(bytesMax: number, allocate?: (bytes: number) => Buffer): Buffer | Promise<Buffer>;
  /** Answers a request whose body was read to its end. */
  answer(answer: Answer): Promise<void> | undefined;
  /** Answers a request whose body is not wanted. */
  refuse(reply: Reply): Promise<void> | undefined;
  /** Watches for the end of the connection. */
  watch(): Ending;
  /** Ends the connection of a request that cannot be answered. */
  abandon(): void;
}

export type Serve = (exchange: Exchange) => void;

/** The end of a connection, for who waits for it. */
export interface Ending {
  /** Resolves when the connection has ended, at once if it has already. */
  readonly gone: Promise<undefined>;
  /** For who waits no longer; the connection, which outlives its requests, holds nothing of this one then. */
  forget(): void;
}

export function endingOf(stream: Writable): Ending {
  let close = (): void => {};
  const gone = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  if (stream.destroyed) close();
  else stream.once('close', close);
  return { gone, forget: () => stream.off('close', close) };
}

/** Takes requests from their heads to their answers; knows no rule of the relay, and none of HTTP. */
export function createServe(admit: Admit, log: Log): Serve {
  const largeBodies = new Budget(LARGE_BODIES_BYTES);
  const buffers = new BufferPool();

  async function serve(exchange: Exchange): Promise<void> {
    const admitted = admit(exchange.head);
    if ('status' in admitted) return exchange.refuse(admitted);
    const refused = admitted.ready === undefined ? undefined : await admitted.ready;
    if (refused !== undefined) return exchange.refuse(refused);

    const bytes = bodyBytesAtMost(exchange, admitted);
    if (bytes > SMALL_BODY_BYTES) return (await performLarge(exchange, admitted, bytes))?.();
    const body = exchange.readBody(admitted.bodyBytesMax);
    if (!Buffer.isBuffer(body) || admitted.contentEncoding !== 'identity')
      return (await perform(exchange, admitted, plainBody(body, admitted)))?.();
    // Most bodies come with their heads, and wait for nothing.
    return exchange.answer(await admitted.run(body));
  }

  return (exchange) => {
    serve(exchange).catch((error) => {
      // What cannot be given in the middle of an answer has no other way to say so: the client asks again.
      if (!(error instanceof RelayError)) log.error({ err: error }, 'a request could not be answered');
      exchange.abandon();
    });
  };

  /** What is sent is sent without the room: a client may take all the time that it likes to read it. */
  async function performLarge(
    exchange: Exchange,
    operation: Operation,
    bytes: number,
  ): Promise<Send | undefined> {
    const claim = largeBodies.claim(bytes);
    // A small body that never comes to its end holds nothing; this one holds its claim.
    const { gone, forget } = exchange.watch();
    let buffer: Buffer | undefined;
    const allocate = (length: number): Buffer => {
      buffer = buffers.take(length);
      return buffer;
    };
    try {
      const isGone = await Promise.race([claim.granted.then(() => false), gone.then(() => true)]);
      if (isGone) return undefined;
      const sent = Promise.race([exchange.readBody(operation.bodyBytesMax, allocate), gone]);
      return await perform(exchange, operation, plainBody(sent, operation));
    } finally {
      // Stores have let go of the payload, which stands in it.
      if (buffer !== undefined) buffers.give(buffer);
      claim.release();
      forget();
    }
  }
}

/** Sends what a request is answered with. */
type Send = () => Promise<void> | undefined;

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

/** The most bytes that the body of this request can come to. */
function bodyBytesAtMost({ bodyBytes }: Exchange, { bodyBytesMax, contentEncoding }: Operation): number {
  return contentEncoding === 'identity' ? Math.min(bodyBytes, bodyBytesMax) : bodyBytesMax;
}

/** Once it has come, a body is inflated to its end, whether or not its client has gone: what it takes up is taken up till then. */
async function plainBody(
  sent: Buffer | Promise<Buffer | undefined>,
  { bodyBytesMax, contentEncoding }: Operation,
): Promise<Buffer | undefined> {
  const body = await sent;
  if (body === undefined || contentEncoding === 'identity') return body;
  return inflate(body, contentEncoding, bodyBytesMax);
}
