import type { TestContext } from 'node:test';
import { type Admit, type ContentEncoding, type Reply, refusal } from '../src/api.ts';
import type { RelayError } from '../src/errors.ts';
import { createHttpServer } from '../src/http.ts';
import { silentLog } from '../src/log.ts';
import { systemClock } from '../src/stores/store.ts';
import { testConfig } from './helpers.ts';

export const MIB = 1_048_576;

/** A server that answers with the length of the body; a request for `/later` begins when `ready` says so. */
export async function startReader(
  t: TestContext,
  bodyBytesMax: number,
  ready?: Promise<Reply | undefined>,
  timeouts?: { headMs: number; requestMs: number },
) {
  const admit: Admit = ({ target, headers }) => ({
    bodyBytesMax,
    contentEncoding: (headers['content-encoding'] ?? 'identity') as ContentEncoding,
    ...(target === '/later' && ready !== undefined ? { ready } : {}),
    run: async (body) => ({ status: 200, body: String(body.length) }),
    refuse: (error) => refusal(error as RelayError),
  });
  const server = createHttpServer(admit, {
    log: silentLog,
    clock: systemClock,
    droppedBytesMax: MIB,
    plainReader: testConfig.plainReader,
    ...(timeouts && { timeouts }),
  });
  const { port } = await server.listen('127.0.0.1', 0);
  t.after(() => server.stop());
  return { baseUrl: `http://127.0.0.1:${port}` };
}

/** The same, where requests for `/later` begin after `open`. */
export async function startReaderWithGate(t: TestContext) {
  let open = (): void => {};
  const ready = new Promise<undefined>((resolve) => {
    open = () => resolve(undefined);
  });
  return { server: await startReader(t, MIB, ready), open };
}
