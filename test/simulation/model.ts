import { RelayError } from '../../src/errors.ts';
import { type Message, type MessageKey, type NewMessage, U64_MAX } from '../../src/message.ts';
import type { AckResult, Page, PageLimit, PushResult, StoreLimits } from '../../src/stores/store.ts';

type Memory = MessageKey & { readonly recipient: string; readonly untilMs: number };

/**
 * The relay on one screen: what a store does, said as plainly as possible. `nowMs` is the time of the store. Arrays are
 * replaced and never changed, so a copy costs nothing.
 */
export class Model {
  messages: Message[] = [];
  memories: Memory[] = [];
  nextSeq = 1;
  readonly #limits: StoreLimits;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  copy(): Model {
    const copy = new Model(this.#limits);
    copy.messages = this.messages;
    copy.memories = this.memories;
    copy.nextSeq = this.nextSeq;
    return copy;
  }

  push(message: NewMessage, nowMs: number): PushResult {
    this.expire(nowMs);
    const { recipient, payload, meta } = message;
    const key = { messageId: message.messageId, chunkIndex: meta.chunkIndex };
    const known = this.#find(recipient, key) ?? this.memories.find((memory) => isOf(memory, recipient, key));
    if (known !== undefined) return { stored: false, ...this.#figures(recipient) };

    const { queueLen, queueBytes } = this.#figures(recipient);
    if (this.messages.length >= this.#limits.messagesMax) throw new RelayError('storage_error');
    if (queueLen + 1 > this.#limits.messagesPerMailboxMax) throw new RelayError('quota_exceeded');
    if (queueBytes + payload.length > this.#limits.bytesPerMailboxMax) throw new RelayError('quota_exceeded');
    const forgotten = this.messages.length + this.memories.length + 1 - this.#limits.messagesMax;
    this.memories = this.memories.slice(Math.max(0, forgotten));
    const deadlineMs = BigInt(nowMs) + this.#limits.messageTtlMs;
    const kept = {
      seq: this.nextSeq++,
      arrivalMs: nowMs,
      deadlineMs: deadlineMs > U64_MAX ? U64_MAX : deadlineMs,
    };
    this.messages = [...this.messages, { ...message, payload: Buffer.from(payload), ...kept }];
    this.expire(nowMs);
    return { stored: true, ...this.#figures(recipient) };
  }

  pull(recipient: string, afterSeq: number, { messagesMax, bytesMax }: PageLimit, nowMs: number): Page {
    this.expire(nowMs);
    const all = this.messages.filter((kept) => kept.recipient === recipient);
    const after = all.filter((kept) => kept.seq > afterSeq);
    const messages: Message[] = [];
    let bytes = 0;
    for (const kept of after.slice(0, messagesMax)) {
      bytes += kept.payload.length;
      if (bytes > bytesMax && messages.length > 0) break;
      messages.push(kept);
    }
    return { messages, more: after.length > messages.length, remaining: all.length - messages.length };
  }

  ack(recipient: string, keys: readonly MessageKey[], nowMs: number): AckResult {
    this.expire(nowMs);
    const acked = new Set(keys.map((key) => this.#find(recipient, key)).filter((kept) => kept !== undefined));
    const distinct = new Set(keys.map((key) => `${key.messageId}/${key.chunkIndex}`)).size;
    this.messages = this.messages.filter((kept) => !acked.has(kept));
    const untilMs = nowMs + this.#limits.dedupWindowMs;
    const remembered = [...acked].map(({ messageId, meta: { chunkIndex } }) => ({ messageId, chunkIndex }));
    this.memories = [...this.memories, ...remembered.map((key) => ({ recipient, ...key, untilMs }))];
    this.expire(nowMs);
    const remaining = this.#figures(recipient).queueLen;
    return { deleted: acked.size, missing: distinct - acked.size, remaining };
  }

  expire(nowMs: number): void {
    this.messages = this.messages.filter((kept) => kept.deadlineMs > nowMs);
    this.memories = this.memories.filter((memory) => memory.untilMs > nowMs);
  }

  #find(recipient: string, key: MessageKey): Message | undefined {
    return this.messages.find((kept) => isOf({ ...kept, ...kept.meta }, recipient, key));
  }

  #figures(recipient: string): { queueLen: number; queueBytes: number } {
    const queue = this.messages.filter((kept) => kept.recipient === recipient);
    return { queueLen: queue.length, queueBytes: queue.reduce((sum, kept) => sum + kept.payload.length, 0) };
  }
}

function isOf(kept: MessageKey & { recipient: string }, recipient: string, key: MessageKey): boolean {
  return (
    kept.recipient === recipient && kept.messageId === key.messageId && kept.chunkIndex === key.chunkIndex
  );
}
