import type { IncomingHttpHeaders } from 'node:http';
import { ack } from './ack.ts';
import { errorBody, RelayError } from './errors.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import type { Store } from './stores/store.ts';

/** What is known of a request before its body is read. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it was sent: a path with its query, or an absolute URL. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The peer's address. */
  readonly peer: string;
}

export interface Reply {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** Seconds, for the header of this name. */
  readonly retryAfter?: number;
}

export type ContentEncoding = 'identity' | 'gzip' | 'deflate' | 'br';

/** A request that may go on: its body is read, inflated and given to `run`. */
export interface Operation {
  /** Of the inflated body. A Content-Length above it was refused already. */
  readonly bodyBytesMax: number;
  readonly contentEncoding: ContentEncoding;
  /** Where there is no room for the body yet: settles when it may be read, or with the refusal to send instead. Never rejects. */
  readonly ready?: Promise<Reply | undefined>;
  /** Never rejects: what goes wrong is in the reply. */
  readonly run: (body: Buffer) => Promise<Reply>;
}

export type Admit = (head: RequestHead) => Reply | Operation;

export function createApi(store: Store): Admit {
  const routes = new Map<string, (body: Buffer) => Promise<string>>([
    ['POST /push', (body) => push(store, body)],
    ['POST /pull', (body) => pull(store, body)],
    ['POST /ack', (body) => ack(store, body)],
    ['GET /health', async () => '{"status":"ok"}'],
  ]);
  return ({ method, target }) => {
    const route = routes.get(`${method} ${target}`);
    if (route === undefined) return refusal(new RelayError('not_found'));
    return {
      bodyBytesMax: 11_250_000,
      contentEncoding: 'identity',
      run: async (body) => ({ status: 200, body: await route(body) }),
    };
  };
}

export function refusal(error: RelayError): Reply {
  return { status: error.status, body: errorBody(error) };
}
