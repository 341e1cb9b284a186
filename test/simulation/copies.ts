import assert from 'node:assert/strict';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * One push that was called, as its caller knows it: on its way (`flying`), never answered (`maybe`), answered (`sure`),
 * refused with `storage_error` (`failed`: hidden, but a crash may bring it back until a later batch is flushed), `gone`.
 */
export interface Copy {
  readonly message: NewMessage;
  readonly key: string;
  /** Operations of one round are concurrent; rounds follow each other. */
  readonly round: number;
  state: 'flying' | 'maybe' | 'sure' | 'failed' | 'gone';
  /** Bounds of its arrival, in the store's time. */
  bornMinMs: number;
  bornMaxMs: number;
  /** Known once it was shown. */
  seq?: number;
}

/** All copies that were ever pushed, by key. */
export class Copies {
  readonly #time: TimeBounds;
  readonly #ttlMs: number;
  /** Whether the disk has given other bytes than were flushed, or none. */
  mayBeDamaged = false;
  readonly #byKey = new Map<string, Copy[]>();

  constructor(time: TimeBounds, ttlMs: number) {
    this.#time = time;
    this.#ttlMs = ttlMs;
  }

  add(message: NewMessage, round: number): Copy {
    const key = keyName(message.recipient, message.messageId, message.meta.chunkIndex);
    const bornMinMs = this.#time.lowMs;
    const copy: Copy = {
      message,
      key,
      round,
      state: 'flying',
      bornMinMs,
      bornMaxMs: Number.POSITIVE_INFINITY,
    };
    this.#byKey.set(key, [...this.of(key), copy]);
    return copy;
  }

  of(key: string): readonly Copy[] {
    return this.#byKey.get(key) ?? [];
  }

  all(): readonly Copy[] {
    return [...this.#byKey.values()].flat();
  }

  /** Whether a pull must show it; no ack of it may be on its way. */
  mustLive(copy: Copy): boolean {
    return copy.state === 'sure' && !this.mayBeMissing(copy);
  }

  /** Whether a pull may show it. */
  mayLive(copy: Copy): boolean {
    const shown = copy.state === 'sure' || copy.state === 'maybe' || copy.state === 'flying';
    return shown && copy.bornMaxMs + this.#ttlMs > this.#time.lowMs;
  }

  /** Whether it is no fault of the store if it is not there. */
  mayBeMissing(copy: Copy): boolean {
    return this.mayBeDamaged || this.#mayBeDue(copy);
  }

  #mayBeDue(copy: Copy): boolean {
    return copy.bornMinMs + this.#ttlMs <= this.#time.highMs;
  }

  /** The copy that a pull has shown, which must be one that may live, byte for byte. */
  shown(recipient: string, message: Message): Copy {
    const key = keyName(recipient, message.messageId, message.meta.chunkIndex);
    const bytes = Buffer.from(message.payload);
    const copy = this.of(key).find((pushed) => bytes.equals(pushed.message.payload));
    assert.ok(copy, `never pushed: ${key}`);
    assert.equal(message.recipient, recipient);
    assert.deepEqual(message.meta, copy.message.meta);
    copy.bornMinMs = Math.max(copy.bornMinMs, message.arrivalMs);
    copy.bornMaxMs = Math.min(copy.bornMaxMs, message.arrivalMs);
    assert.equal(copy.bornMinMs, copy.bornMaxMs, `arrived at a time that was not: ${key}`);
    assert.ok(this.mayLive(copy), `shown, but ${copy.state} or due: ${key}`);
    copy.seq ??= message.seq;
    assert.equal(message.seq, copy.seq, `moved in its mailbox: ${key}`);
    return copy;
  }
}

export function keyName(recipient: string, messageId: string, chunkIndex: number): string {
  return `${recipient} ${messageId} ${chunkIndex}`;
}

export function distinctNames(recipient: string, keys: readonly MessageKey[]): string[] {
  return [...new Set(keys.map(({ messageId, chunkIndex }) => keyName(recipient, messageId, chunkIndex)))];
}
