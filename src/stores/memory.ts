import { RelayError } from '../errors.ts';
import type { Message, MessageKey, NewMessage } from '../message.ts';
import { Expiry } from './expiry.ts';
import { InFlight } from './in-flight.ts';
import { isLong, PIECE_BYTES } from './long.ts';
import { uuidWords } from './mailboxes/uuid.ts';
import { Mailboxes } from './mailboxes.ts';
import {
  type AckResult,
  type Clock,
  type Page,
  type PageLimit,
  type PushResult,
  type Store,
  type StoreFigures,
  type StoreLimits,
  systemClock,
} from './store.ts';
import { firstSeq, StoreTime } from './time.ts';

/** A store that keeps everything in this process and loses it with it. For tests and for trying things out. */
export function openMemoryStore(limits: StoreLimits, clock: Clock = systemClock): Store {
  return new MemoryStore(limits, clock);
}

class MemoryStore implements Store {
  readonly #time: StoreTime;
  readonly #mailboxes: Mailboxes;
  readonly #expiry: Expiry;
  /** By slot. */
  readonly #messages: (Message | undefined)[] = [];
  readonly #inFlight = new InFlight();
  #closed = false;

  constructor(limits: StoreLimits, clock: Clock) {
    this.#time = new StoreTime(clock);
    this.#mailboxes = new Mailboxes(limits, (slot) => {
      this.#messages[slot] = undefined;
    });
    this.#expiry = new Expiry(this.#mailboxes, this.#time);
    this.#mailboxes.nextSeq = firstSeq(this.#time.now());
  }

  push(message: NewMessage): Promise<PushResult> {
    return this.#operate(message.recipient, (nowMs) => {
      const { added, result } = this.#mailboxes.push(message, uuidWords(message.messageId), nowMs);
      this.#mailboxes.settle(nowMs);
      if (added !== undefined) {
        const { change, seq, deadlineMs } = added;
        const payload = Buffer.from(message.payload);
        this.#messages[change.slot] = { ...message, payload, seq, arrivalMs: nowMs, deadlineMs };
      }
      return result;
    });
  }

  pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    return this.#operate(recipient, () => {
      const { slots, more, remaining } = this.#mailboxes.page(recipient, afterSeq, limit);
      const messages = slots.map((slot) => this.#messages[slot] as Message);
      const [first] = messages;
      if (first === undefined || !isLong(first.payload.length, limit)) return { messages, more, remaining };
      const { payload, ...said } = first;
      const pieces = () => this.#pieces(slots[0] as number, first);
      return { messages: [], long: { ...said, payloadBytes: payload.length, pieces }, more, remaining };
    });
  }

  isEmpty(recipient: string): boolean {
    return !this.#closed && this.#mailboxes.isEmpty(recipient);
  }

  ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    return this.#operate(recipient, (nowMs) => {
      const acking = this.#mailboxes.ack(recipient);
      const changes = acking.decide(keys);
      this.#mailboxes.settle(nowMs);
      for (const { slot } of changes) this.#messages[slot] = undefined;
      return acking.result;
    });
  }

  sweep(): Promise<number> {
    return this.#expiry.sweep();
  }

  figures(): StoreFigures {
    const { messages, bytes, mailboxes, memories } = this.#mailboxes.table;
    const sweepLagMs = this.#mailboxes.lagMs(this.#time.now());
    return { messages, bytes, mailboxes, memories: memories.length, sweepLagMs };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#inFlight.idle();
  }

  async *#pieces(slot: number, message: Message): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < message.payload.length; from += PIECE_BYTES) {
      const isThere = await this.#operate(message.recipient, () => this.#messages[slot] === message);
      if (!isThere && from === 0) return;
      if (!isThere) throw new RelayError('storage_error');
      yield message.payload.subarray(from, from + PIECE_BYTES);
    }
  }

  /** Runs an operation at a time at which nothing in its mailbox is due. */
  async #operate<Result>(recipient: string, operation: (nowMs: number) => Result): Promise<Result> {
    if (this.#closed) throw new RelayError('storage_error');
    return this.#inFlight.run(() => this.#expiry.whenNoneIsDue(recipient, operation));
  }
}
