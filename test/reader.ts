import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Admit, type ContentEncoding, type Reply, refusal } from '../src/api.ts';
import type { RelayError } from '../src/errors.ts';
import { forwardedFor } from '../src/head.ts';
import { createHttpServer, type HttpServerOptions } from '../src/http.ts';
import { silentLog } from '../src/log.ts';
import type { Relay } from '../src/relay.ts';
import { type Clock, systemClock } from '../src/stores/store.ts';
import { testConfig } from './helpers.ts';
import { connectRaw, request } from './raw.ts';

export const MIB = 1_048_576;

export interface ReaderOptions {
  /** When requests for `/pull` may begin. */
  readonly ready?: Promise<Reply | undefined>;
  /** When requests for `/ack` are done. */
  readonly done?: Promise<unknown>;
  /** What follows the beginning of answers to `/slow`. */
  readonly more?: () => Promise<Buffer | undefined>;
  /** Told of each body that is worked on. */
  readonly onRun?: (body: Buffer) => void;
  readonly clock?: Clock;
  readonly timeouts?: { readonly headMs: number; readonly requestMs: number };
}

/** A server that answers with the length of the body, and believes whatever `X-Forwarded-For` says. */
export async function startReader(t: TestContext, bodyBytesMax: number, options: ReaderOptions = {}) {
  const { ready, done, more, onRun, timeouts, clock } = options;
  const admit: Admit = ({ target, headers, peer }) => ({
    source: forwardedFor(headers) ?? peer,
    bodyBytesMax,
    contentEncoding: (headers['content-encoding'] ?? 'identity') as ContentEncoding,
    ...(target === '/pull' && ready !== undefined ? { ready } : {}),
    run: async (body) => {
      onRun?.(body);
      if (target === '/ack') await done;
      const answer = { status: 200, body: String(body.length) };
      return target === '/slow' && more !== undefined ? { ...answer, more } : answer;
    },
    refuse: (error) => refusal(error as RelayError),
  });
  return startServer(t, admit, { ...(clock && { clock }), ...(timeouts && { timeouts }) });
}

/** A server of what `admit` gives. */
export async function startServer(t: TestContext, admit: Admit, options: Partial<HttpServerOptions> = {}) {
  const server = createHttpServer(admit, {
    log: silentLog,
    clock: systemClock,
    droppedBytesMax: MIB,
    plainReader: testConfig.plainReader,
    ...options,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  // The connections of the test, which it waits for, go after this.
  t.after(() => void server.stop());
  return { baseUrl: `http://127.0.0.1:${port}` };
}

/** The same, where requests for `/pull` begin, and those for `/ack` are done, after `open`. */
export async function startReaderWithGate(
  t: TestContext,
  bodyBytesMax = MIB,
  timeouts?: ReaderOptions['timeouts'],
) {
  let open = (): void => {};
  const opened = new Promise<undefined>((resolve) => {
    open = () => resolve(undefined);
  });
  const options = { ready: opened, done: opened, ...(timeouts && { timeouts }) };
  return { server: await startReader(t, bodyBytesMax, options), open };
}

export async function pushLarge(t: TestContext, server: Pick<Relay, 'baseUrl'>): Promise<void> {
  await push(t, server, 100_000);
}

/** By the time that this is answered the server has seen what was sent before. */
export async function pushSmall(t: TestContext, server: Pick<Relay, 'baseUrl'>): Promise<void> {
  await push(t, server, 1);
}

/** Resolves when what a server does changes this no more. */
export async function untilStill(
  t: TestContext,
  server: Pick<Relay, 'baseUrl'>,
  figure: () => number,
): Promise<void> {
  for (let before = Number.NaN; before !== figure(); ) {
    before = figure();
    for (let number = 0; number < 10; number++) await pushSmall(t, server);
  }
}

async function push(t: TestContext, server: Pick<Relay, 'baseUrl'>, bytes: number): Promise<void> {
  const connection = await connectRaw(t, server);
  connection.send(request('/push', 'x'.repeat(bytes)));
  assert.equal((await connection.answer()).body.toString(), String(bytes));
}
