import { RelayError } from '../errors.ts';
import { deadlineMs, type Message, type MessageKey, type NewMessage } from '../message.ts';
import { InFlight } from './in-flight.ts';
import { uuidWords } from './mailboxes/keys.ts';
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
import { inTurns } from './turns.ts';

/** A store that keeps everything in this process and loses it with it. For tests and for trying things out. */
export function openMemoryStore(limits: StoreLimits, clock: Clock = systemClock): Store {
  return new MemoryStore(limits, clock);
}

class MemoryStore implements Store {
  readonly #limits: StoreLimits;
  readonly #time: StoreTime;
  readonly #mailboxes: Mailboxes;
  /** By slot. */
  readonly #messages: (Message | undefined)[] = [];
  #sweptExpired = 0;
  readonly #inFlight = new InFlight();
  #closed = false;

  constructor(limits: StoreLimits, clock: Clock) {
    this.#limits = limits;
    this.#time = new StoreTime(clock);
    this.#mailboxes = new Mailboxes(limits, (slot) => {
      this.#messages[slot] = undefined;
    });
    this.#mailboxes.nextSeq = firstSeq(this.#time.now());
  }

  push(message: NewMessage): Promise<PushResult> {
    return this.#operate(message.recipient, (nowMs) => {
      const { change, result } = this.#mailboxes.push(message, uuidWords(message.messageId), nowMs);
      this.#mailboxes.settle(nowMs);
      if (change !== undefined) {
        const seq = this.#mailboxes.table.slots.seq.get(change.slot);
        const deadline = deadlineMs(nowMs, this.#limits.messageTtlMs);
        this.#messages[change.slot] = { ...message, seq, arrivalMs: nowMs, deadlineMs: deadline };
      }
      return result;
    });
  }

  pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    return this.#operate(recipient, () => {
      const { slots, more, remaining } = this.#mailboxes.page(recipient, afterSeq, limit);
      return { messages: slots.map((slot) => this.#messages[slot] as Message), more, remaining };
    });
  }

  ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    return this.#operate(recipient, (nowMs) => {
      const { changes, result } = this.#mailboxes.ack(recipient, keys);
      this.#mailboxes.settle(nowMs);
      for (const { slot } of changes) this.#messages[slot] = undefined;
      return result;
    });
  }

  async sweep(): Promise<number> {
    await inTurns((max) => this.#mailboxes.dropDue(this.#time.now(), max));
    const swept = this.#mailboxes.expired - this.#sweptExpired;
    this.#sweptExpired += swept;
    return swept;
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

  /** Runs an operation at a time at which nothing in its mailbox is due. */
  async #operate<Result>(recipient: string, operation: (nowMs: number) => Result): Promise<Result> {
    if (this.#closed) throw new RelayError('storage_error');
    return this.#inFlight.run(async () => {
      await inTurns((max) => this.#mailboxes.dropDue(this.#time.now(), max, recipient));
      const nowMs = this.#time.now();
      this.#mailboxes.dropDue(nowMs, Number.POSITIVE_INFINITY, recipient);
      return operation(nowMs);
    });
  }
}
