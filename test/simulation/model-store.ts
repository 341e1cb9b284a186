import { RelayError } from '../../src/errors.ts';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import { isLong } from '../../src/stores/long.ts';
import type {
  Clock,
  LongMessage,
  PageLimit,
  Store,
  StoreFigures,
  StoreLimits,
} from '../../src/stores/store.ts';
import { Model } from './model.ts';

/** The time of a store: the wall clock's, but it never runs back and never stands still when that is set back. */
export function storeTime(clock: Clock, atLeastMs = 0): () => number {
  let nowMs = Math.max(clock.wallMs(), atLeastMs);
  let seenMs = clock.monotonicMs();
  return () => {
    const monotonicMs = clock.monotonicMs();
    nowMs = Math.max(clock.wallMs(), nowMs + monotonicMs - seenMs);
    seenMs = monotonicMs;
    return nowMs;
  };
}

/** The model as a store, so that the contract can be held against it: the two must say the same. */
export function openModelStore(limits: StoreLimits, clock: Clock): Store {
  const model = new Model(limits);
  model.nextSeq = Math.floor(clock.wallMs() / 1_000) * 2 ** 20;
  const now = storeTime(clock);
  let closed = false;
  return {
    async push(message: NewMessage) {
      if (closed) throw new Error('closed');
      return model.push(message, now());
    },
    async pull(recipient: string, afterSeq: number, limit: PageLimit) {
      const page = model.pull(recipient, afterSeq, limit, now());
      const [first] = page.messages;
      if (first === undefined || !isLong(first.payload.length, limit)) return page;
      const isLive = () => model.pull(recipient, first.seq - 1, limit, now()).messages[0] === first;
      return { ...page, messages: [], long: inPieces(first, isLive) };
    },
    ack: async (recipient: string, keys: readonly MessageKey[]) => model.ack(recipient, keys, now()),
    async sweep() {
      const before = model.messages.length;
      model.expire(now());
      return before - model.messages.length;
    },
    figures: () => figuresOf(model, now()),
    async close() {
      closed = true;
    },
  };
}

function inPieces({ payload, ...said }: Message, isLive: () => boolean): LongMessage {
  return {
    ...said,
    payloadBytes: payload.length,
    async *pieces() {
      for (let from = 0; from < payload.length; from += 3_000) {
        if (!isLive() && from === 0) return;
        if (!isLive()) throw new RelayError('storage_error');
        yield payload.subarray(from, from + 3_000);
      }
    },
  };
}

function figuresOf({ messages, memories }: Model, nowMs: number): StoreFigures {
  const live = messages.filter((kept) => kept.deadlineMs > nowMs);
  const remembered = memories.filter((memory) => memory.untilMs > nowMs);
  const dueMs = messages.filter((kept) => kept.deadlineMs <= nowMs).map((kept) => Number(kept.deadlineMs));
  return {
    messages: live.length,
    bytes: live.reduce((sum, kept) => sum + kept.payload.length, 0),
    mailboxes: new Set([...live, ...remembered].map((kept) => kept.recipient)).size,
    memories: remembered.length,
    sweepLagMs: dueMs.length === 0 ? 0 : nowMs - Math.min(...dueMs),
  };
}
