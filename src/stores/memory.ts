import { RelayError } from '../errors.ts';
import { type Message, type MessageKey, type NewMessage, U64_MAX } from '../message.ts';
import type {
  AckResult,
  Clock,
  Page,
  PageLimit,
  PushResult,
  Store,
  StoreFigures,
  StoreLimits,
} from './store.ts';
import { systemClock } from './store.ts';

/** A store that keeps everything in this process and loses it with it. For tests and for trying things out. */
export function openMemoryStore(limits: StoreLimits, clock: Clock = systemClock): Store {
  return new MemoryStore(limits, clock);
}

class MemoryStore implements Store {
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #mailboxes = new Map<string, Message[]>();
  #nextSeq: number;

  constructor(limits: StoreLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#nextSeq = Math.floor(clock.wallMs() / 1000) * 2 ** 20;
  }

  async push(message: NewMessage): Promise<PushResult> {
    const queue = this.#mailboxes.get(message.recipient) ?? [];
    const duplicate = queue.some((kept) =>
      sameKey(kept, { messageId: message.messageId, chunkIndex: message.meta.chunkIndex }),
    );
    if (!duplicate) {
      if (queue.length >= this.#limits.messagesPerMailboxMax) throw new RelayError('quota_exceeded');
      const arrivalMs = this.#clock.wallMs();
      const deadlineMs = BigInt(arrivalMs) + this.#limits.messageTtlMs;
      queue.push({
        ...message,
        seq: this.#nextSeq++,
        arrivalMs,
        deadlineMs: deadlineMs > U64_MAX ? U64_MAX : deadlineMs,
      });
      this.#mailboxes.set(message.recipient, queue);
    }
    return { stored: !duplicate, queueLen: queue.length, queueBytes: bytesOf(queue) };
  }

  async pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    const queue = this.#mailboxes.get(recipient) ?? [];
    const after = queue.filter((message) => message.seq > afterSeq);
    const messages = after.slice(0, limit.messagesMax);
    return { messages, more: after.length > messages.length, remaining: queue.length - messages.length };
  }

  async ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    const queue = this.#mailboxes.get(recipient) ?? [];
    const kept = queue.filter((message) => !keys.some((key) => sameKey(message, key)));
    if (kept.length === 0) this.#mailboxes.delete(recipient);
    else this.#mailboxes.set(recipient, kept);
    const deleted = queue.length - kept.length;
    return { deleted, missing: keys.length - deleted, remaining: kept.length };
  }

  async sweep(): Promise<number> {
    return 0;
  }

  figures(): StoreFigures {
    const queues = [...this.#mailboxes.values()];
    const messages = queues.reduce((sum, queue) => sum + queue.length, 0);
    const bytes = queues.reduce((sum, queue) => sum + bytesOf(queue), 0);
    return { messages, bytes, mailboxes: queues.length, memories: 0, sweepLagMs: 0 };
  }

  async close(): Promise<void> {}
}

function sameKey(message: Message, key: MessageKey): boolean {
  return message.messageId === key.messageId && message.meta.chunkIndex === key.chunkIndex;
}

function bytesOf(queue: readonly Message[]): number {
  return queue.reduce((sum, message) => sum + message.payload.length, 0);
}
