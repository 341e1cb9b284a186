import { ack } from './ack.ts';
import { base64Length } from './base64.ts';
import type { RelayConfig } from './config.ts';
import { errorBody, RelayError } from './errors.ts';
import {
  type ContentEncoding,
  checkContentType,
  contentEncodingOf,
  forwardedFor,
  pathOf,
  type RequestHead,
} from './head.ts';
import type { Logger } from './log.ts';
import type { Counters, Observe, Route } from './metrics.ts';
import { ENVELOPE_BYTES } from './option-checks.ts';
import { type Parts, pull } from './pull.ts';
import { push } from './push.ts';
import { createRateLimiter, type Endpoint } from './rate-limit.ts';
import type { Soon } from './soon.ts';
import { createSourceResolver } from './source.ts';
import { health, stats } from './status.ts';
import type { Clock, Store } from './stores/store.ts';

export type { ContentEncoding, RequestHead } from './head.ts';

export interface Reply {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** Seconds, for the header of this name. */
  readonly retryAfter?: number;
}

/** What an operation comes to; a long one in parts, each to be asked for when the client has taken the one before. */
export type Answer = Omit<Reply, 'body'> & Parts;

/** A request that may go on: its body is read, inflated and given to `run`. */
export interface Operation {
  /** Of the inflated body. A Content-Length above it was refused already. */
  readonly bodyBytesMax: number;
  readonly contentEncoding: ContentEncoding;
  /** Whom the request counts against. */
  readonly source: string;
  /** Where there is no room for the body yet: settles when it may be read, or with the refusal to send instead. Never rejects. */
  readonly ready?: Promise<Reply | undefined>;
  /** Never throws or rejects: what goes wrong is in the reply. */
  readonly run: (body: Buffer) => Soon<Answer>;
  /** The refusal of a body that could not be read to its end. */
  readonly refuse: (error: unknown) => Reply;
}

export type Admit = (head: RequestHead) => Reply | Operation;

/** What the API is made of. */
export interface ApiParts {
  readonly store: Store;
  readonly config: RelayConfig;
  readonly counters: Counters;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told of every answer, where metrics are on. */
  readonly observe?: Observe | undefined;
}

/** Every route, by its path, which has one method. */
export const routes: ReadonlyMap<string, { readonly method: string; readonly route: Route }> = new Map([
  ['/push', { method: 'POST', route: 'push' }],
  ['/pull', { method: 'POST', route: 'pull' }],
  ['/ack', { method: 'POST', route: 'ack' }],
  ['/health', { method: 'GET', route: 'health' }],
  ['/stats', { method: 'GET', route: 'stats' }],
]);

/** The whole API. Path, rate limit, type, encoding and length are checked before a body is read, in this order. */
export function createApi(parts: ApiParts): Admit {
  const { store, config, counters, log, clock, observe } = parts;
  const limiter = config.rateLimit.enabled ? createRateLimiter(config.rateLimit) : undefined;
  const sourceOf = createSourceResolver(config.rateLimit.trustedProxies);
  const startedMs = clock.monotonicMs();
  const shownCounters = config.metrics.enabled ? counters : undefined;
  const limit = bodyBytesMax(config);
  const notFound = refusal(new RelayError('not_found'));

  const operations: Record<Endpoint, (body: Buffer, head: RequestHead) => Soon<string | Parts>> = {
    push: (body) => push(store, config.relay, counters, body),
    pull: (body, head) => pull(store, config.relay, counters, body, head),
    ack: (body) => ack(store, counters, body),
  };

  function admit(route: Route, head: RequestHead, startMs: number): Reply | Operation {
    if (route === 'other') return notFound;
    if (route === 'health') return { status: 200, body: health() };
    if (route === 'stats')
      return { status: 200, body: stats(clock.monotonicMs() - startedMs, shownCounters) };

    const { headers, peer } = head;
    const source = sourceOf(peer, forwardedFor(headers));
    const retryAfter = limiter?.take(route, source, startMs);
    if (retryAfter !== undefined) {
      counters.rateLimited++;
      return { ...refusal(new RelayError('rate_limited')), retryAfter };
    }
    checkContentType(headers['content-type']);
    const contentEncoding = contentEncodingOf(headers['content-encoding']);
    if (Number(headers['content-length']) > limit) {
      throw new RelayError('payload_too_large', undefined, { details: { limit } });
    }

    const run = (body: Buffer): Soon<Answer> => perform(route, head, body, startMs);
    const refuse = (error: unknown): Reply => noted(route, failure(error, log), startMs);
    const operation = { bodyBytesMax: limit, contentEncoding, source, run, refuse };
    const room = route === 'push' ? store.room?.() : undefined;
    // A store's promise may be of a kind of its own.
    return room === undefined
      ? operation
      : { ...operation, ready: Promise.resolve(room).then(() => undefined, refuse) };
  }

  /** Does what was admitted; every way out is a reply, and its latency counts from the head of the request on. */
  function perform(route: Endpoint, head: RequestHead, body: Buffer, startMs: number): Soon<Answer> {
    const succeeded = (result: string | Parts): Answer => noted(route, success(result), startMs);
    const failed = (error: unknown): Answer => noted(route, failure(error, log), startMs);
    try {
      const result = operations[route](body, head);
      return result instanceof Promise ? result.then(succeeded, failed) : succeeded(result);
    } catch (error) {
      return failed(error);
    }
  }

  function noted<R extends Answer>(route: Route, reply: R, startMs: number): R {
    observe?.(route, reply.status, (clock.monotonicMs() - startMs) / 1000);
    return reply;
  }

  return (head) => {
    const startMs = clock.monotonicMs();
    const route = routeOf(head);
    let admitted: Reply | Operation;
    try {
      admitted = admit(route, head, startMs);
    } catch (error) {
      admitted = failure(error, log);
    }
    return 'status' in admitted ? noted(route, admitted, startMs) : admitted;
  };
}

/** The largest body: one whose payload is a message of the largest size, and room for all that goes with it. */
export function bodyBytesMax({ relay }: RelayConfig): number {
  return Math.max(2_097_152, base64Length(relay.maxMessageBytes) + ENVELOPE_BYTES);
}

export function refusal(error: RelayError): Reply {
  return { status: error.status, body: errorBody(error) };
}

function success(result: string | Parts): Answer {
  return typeof result === 'string' ? { status: 200, body: result } : { status: 200, ...result };
}

/** What a caller did is told; what we did is logged, and none of it shown. */
function failure(error: unknown, log: Logger): Reply {
  if (error instanceof RelayError) return refusal(error);
  log.error({ err: error }, 'a request failed');
  return refusal(new RelayError('internal_error'));
}

function routeOf({ method, target }: RequestHead): Route {
  const known = routes.get(pathOf(target));
  return known?.method === method ? known.route : 'other';
}
