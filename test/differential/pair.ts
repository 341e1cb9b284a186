import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Relay } from '../../src/relay.ts';
import { openMemoryStore } from '../../src/stores/memory.ts';
import { storeLimits } from '../../src/stores/open.ts';
import { type Clock, type Store, systemClock } from '../../src/stores/store.ts';
import { methodsOf } from '../fixtures.ts';
import { startTestRelay, testConfig } from '../helpers.ts';
import { recipients, type Stream } from './streams.ts';

/** Between two streams: every bucket is full again, and every message has expired. */
const PAUSE_MS = 3_600_000;
/** A connection on which nothing moves for so long hangs: no stream gives a reason to wait for a second. */
const HANG_MS = 20_000;

const config = {
  ...testConfig,
  relay: { ...testConfig.relay, messageTtlSeconds: 60n, dedupWindowSeconds: 60, maxMessagesPerUser: 4 },
  rateLimit: {
    ...testConfig.rateLimit,
    enabled: true,
    burst: 4,
    banAfter: 2,
    trustedProxies: ['127.0.0.1'],
  },
};

interface Side {
  readonly relay: Relay;
  readonly store: Store;
}

/** Two relays at the same time of one clock: the first reads plain requests by itself, the second leaves all to node. */
export async function startPair(t: TestContext) {
  let nowMs = 1_800_000_000_000;
  let storeTurns = 0;
  const slowly = async <Result>(operation: () => Promise<Result>): Promise<Result> => {
    await turns(storeTurns);
    return operation();
  };
  const clock: Clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
  const start = async (plainReader: boolean): Promise<Side> => {
    const store = openMemoryStore(storeLimits(config), clock);
    const slow: Store = {
      ...methodsOf(store),
      push: (pushed) => slowly(() => store.push(pushed)),
      pull: (...asked) => slowly(() => store.pull(...asked)),
      // At once only where nothing takes its time: other pulls of empty mailboxes are waited for too.
      isEmpty: (recipient) => storeTurns === 0 && store.isEmpty?.(recipient) === true,
      ack: (...acked) => slowly(() => store.ack(...acked)),
    };
    const relay = await startTestRelay(t, { ...config, plainReader }, { store: slow, clock });
    t.after(() => store.close());
    return { relay, store };
  };
  const sides = [await start(true), await start(false)] as const;

  return {
    /** Sends the same bytes to both, and throws unless they answer, end and keep the same. */
    async compare(stream: Stream): Promise<void> {
      nowMs += PAUSE_MS;
      storeTurns = stream.storeTurns;
      const [plain, full] = await Promise.all([outcome(sides[0], stream), outcome(sides[1], stream)]);
      if (isDeepStrictEqual(plain.kept, full.kept) && isSameTalk(plain, full)) return;
      const { bytes, ...sent } = stream;
      throw new Error(inspect({ bytes: bytes.toString('latin1'), ...sent, plain, full }, { depth: 9 }));
    },
  };
}

/**
 * What a client gets to read before its connection is reset is up to the network, and which refusal comes last to
 * whether node found a request malformed before its turn came, or the end of the connection before that.
 */
function isSameTalk(one: Talk, other: Talk): boolean {
  const [ones, others] = [one.answers, other.answers];
  const isCut = one.isReset || other.isReset;
  const length = isCut ? Math.min(ones.length, others.length) : Math.max(ones.length, others.length);
  for (let at = 0; at < length; at++) {
    const isLastRefusal = at === length - 1 && isRefusal(ones[at]) && isRefusal(others[at]);
    if (ones[at] !== others[at] && !isLastRefusal) return false;
  }
  return true;
}

function isRefusal(answer: string | undefined): boolean {
  return answer === undefined || answer.startsWith('4');
}

/** All that a relay answers to a stream, and what it holds afterwards. */
async function outcome({ relay, store }: Side, stream: Stream) {
  const told = await talk(Number(new URL(relay.baseUrl).port), stream);
  const pages = recipients.map((recipient) => store.pull(recipient, 0, { messagesMax: 9, bytesMax: 1e9 }));
  return { ...told, kept: await Promise.all(pages) };
}

interface Talk {
  readonly answers: readonly string[];
  readonly isReset: boolean;
}

/** Sends a stream, and that it is its last; resolves when the connection is closed. */
async function talk(port: number, { bytes, cuts }: Stream): Promise<Talk> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const pieces: Buffer[] = [];
  let isReset = false;
  const closed = new Promise<void>((resolve, reject) => {
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', () => {
      isReset = true;
    });
    socket.on('close', () => resolve());
    socket.setTimeout(HANG_MS, () => reject(new Error(`no end to ${bytes.toString('latin1')}`)));
  });
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    socket.write(bytes.subarray(from, cut));
    from = cut;
    // Time for either side to read the piece by itself.
    await turns(3);
  }
  socket.end();
  await closed;
  return { answers: answersIn(Buffer.concat(pieces)), isReset };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

/**
 * The status and body of each answer; of a refusal the code. What a refusal says may depend on whether node found a
 * request malformed before its turn came.
 */
function answersIn(bytes: Buffer): string[] {
  const answers: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', from) + 4;
    // A reset may have cut the head.
    if (end < 4) break;
    const head = bytes.toString('latin1', from, end);
    // HEAD is told the length of a body that does not come.
    const length = bytes[end] === BRACE ? Number(/content-length: ([0-9]+)/i.exec(head)?.[1]) : 0;
    const body = bytes.toString('utf8', end, end + length);
    answers.push(`${head.slice(9, 12)} ${/"code":"(\w+)"/.exec(body)?.[1] ?? body}`);
    from = end + length;
  }
  return answers;
}

const BRACE = 0x7b;
