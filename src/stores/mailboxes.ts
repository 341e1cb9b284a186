import { RelayError } from '../errors.ts';
import { deadlineMs, type NewMessage } from '../message.ts';
import { Acking } from './mailboxes/acking.ts';
import { type Change, Changes } from './mailboxes/changes.ts';
import type { Mailbox } from './mailboxes/directory.ts';
import { MEMORY, PENDING } from './mailboxes/slots.ts';
import { Table } from './mailboxes/table.ts';
import type { Words } from './mailboxes/uuid.ts';
import type { PageLimit, PushResult, StoreLimits } from './store.ts';

/**
 * The state of a store: mailboxes, order, quotas, dedup, deadlines. It does no I/O, keeps no payload and has no clock.
 *
 * What callers ask for is decided at once, against everything that was decided before, and takes effect in two steps,
 * as it must reach the disk between them: `push`, `ack` and `move` note changes; `settle` makes all of them visible,
 * `undo` takes all of them back. Pages show what is settled; the figures of answers count what is planned. Nothing is
 * decided between a decision's `settle` or `undo` and the write that it waits for.
 */
export class Mailboxes {
  readonly table: Table;
  readonly #limits: StoreLimits;
  readonly #changes: Changes;
  /** Messages that have expired since the start. */
  expired = 0;
  /** Messages and memories that have been dropped because of the time. */
  dropped = 0;
  /** The seq of the next push; grows only. */
  nextSeq = 1;

  /** `onFree` hears of each slot that no longer holds anything. */
  constructor(limits: StoreLimits, onFree: (slot: number) => void = () => {}) {
    this.#limits = limits;
    this.table = new Table(onFree);
    this.#changes = new Changes(this.table, limits.dedupWindowMs > 0);
  }

  /**
   * Decides a push of a message with this id. What is due in its mailbox was dropped before. Throws `storage_error` when
   * the store holds all that it may, `quota_exceeded` when the mailbox does. Nothing added: a duplicate, or expired on
   * arrival.
   */
  push(message: NewMessage, words: Words, nowMs: number): { added?: Added; result: PushResult } {
    const { recipient, payload, meta } = message;
    const existing = this.table.mailbox(recipient);
    if (existing !== undefined && this.#isKnown(this.table.find(existing, words, meta.chunkIndex), nowMs)) {
      return { result: pushResult(existing, false) };
    }
    this.#checkTotal(nowMs);
    this.#checkQuotas(existing, payload.length);
    const deadline = deadlineMs(nowMs, this.#limits.messageTtlMs);
    if (deadline <= nowMs) {
      this.expired++;
      return { result: pushResult(existing, true) };
    }
    while (this.#changes.plannedSlots >= this.#limits.messagesMax) this.#changes.forgetOldest();
    const mailbox = this.table.mailboxFor(recipient);
    const seq = this.nextSeq++;
    const slot = this.table.take(mailbox, PENDING, words, meta.chunkIndex, seq);
    this.table.slots.ms.set(slot, Number(deadline));
    this.table.slots.payloadBytes.set(slot, payload.length);
    const change = this.#changes.push(mailbox, slot);
    return { added: { change, seq, deadlineMs: deadline }, result: pushResult(mailbox, true) };
  }

  /** Begins to decide an ack. What is due in its mailbox was dropped before. */
  ack(recipient: string): Acking {
    return new Acking(this.table, this.#changes, recipient);
  }

  /** Notes that the record of a message or memory is written anew. */
  move(slot: number): Change {
    return this.#changes.move(slot);
  }

  /**
   * Makes at most `max` of the noted changes visible: their batch, of time `nowMs`, stands in a segment from `base` on.
   * Returns how many it found.
   */
  settle(nowMs: number, segment = 0, base = 0, max = Number.POSITIVE_INFINITY): number {
    return this.#changes.settle(nowMs, segment, base, max);
  }

  /** Takes the noted changes back. */
  undo(): void {
    this.#changes.undo();
  }

  /** Whether a mailbox holds a message that is due. */
  isDue(recipient: string, nowMs: number): boolean {
    const mailbox = this.table.mailbox(recipient);
    return mailbox !== undefined && mailbox.earliestMs <= nowMs;
  }

  /** Drops at most `max` messages and memories that are due, of one recipient or of all; returns how many it found. */
  dropDue(nowMs: number, max: number, recipient?: string): number {
    const { table } = this;
    let dropped = 0;
    for (; dropped < max; dropped++) {
      const mailbox = recipient === undefined ? table.due.first : table.mailbox(recipient);
      const slot = mailbox === undefined ? 0 : table.slots.order.firstDue(table.rootOf(mailbox), nowMs);
      if (slot === 0) break;
      table.drop(slot);
      this.expired++;
    }
    const memoriesToo = recipient === undefined;
    for (; memoriesToo && dropped < max && this.#isForgettable(table.memories.oldest, nowMs); dropped++) {
      table.forget(table.memories.oldest);
    }
    this.dropped += dropped;
    return dropped;
  }

  /** Never true of a mailbox with a live message; false of one whose messages are due, until they are dropped. */
  isEmpty(recipient: string): boolean {
    const mailbox = this.table.mailbox(recipient);
    return mailbox === undefined || mailbox.messages === 0;
  }

  /** The slots of a page, of a mailbox in which nothing is due. */
  page(
    recipient: string,
    afterSeq: number,
    limit: PageLimit,
  ): { slots: number[]; more: boolean; remaining: number } {
    const mailbox = this.table.mailbox(recipient);
    const slots: number[] = [];
    if (mailbox === undefined) return { slots, more: false, remaining: 0 };
    let bytes = 0;
    const reachedEnd = this.table.slots.order.visitAfter(this.table.rootOf(mailbox), afterSeq, (slot) => {
      bytes += this.table.slots.payloadBytes.get(slot);
      if (slots.length > 0 && (slots.length === limit.messagesMax || bytes > limit.bytesMax)) return false;
      slots.push(slot);
      return true;
    });
    return { slots, more: !reachedEnd, remaining: mailbox.messages - slots.length };
  }

  /** How long the first message has been due, in milliseconds. */
  lagMs(nowMs: number): number {
    return Math.max(0, nowMs - (this.table.due.first?.earliestMs ?? nowMs));
  }

  /** Whether a slot makes a push a duplicate. A memory past the dedup window is forgotten here. */
  #isKnown(slot: number, nowMs: number): boolean {
    if (slot === 0) return false;
    const stale = this.table.slots.state.get(slot) === MEMORY && this.#isForgettable(slot, nowMs);
    if (!stale) return true;
    this.table.forget(slot);
    this.dropped++;
    return false;
  }

  #isForgettable(slot: number, nowMs: number): boolean {
    return slot !== 0 && this.table.slots.ms.get(slot) + this.#limits.dedupWindowMs <= nowMs;
  }

  #checkTotal(nowMs: number): void {
    const { messagesMax } = this.#limits;
    while (this.#changes.plannedSlots >= messagesMax && this.dropDue(nowMs, 1) > 0);
    if (this.#changes.plannedSlots - this.table.memories.length >= messagesMax) {
      throw new RelayError('storage_error', undefined, { details: { limit: messagesMax } });
    }
  }

  #checkQuotas(mailbox: Mailbox | undefined, payloadBytes: number): void {
    const { messagesPerMailboxMax, bytesPerMailboxMax } = this.#limits;
    if ((mailbox?.plannedMessages ?? 0) >= messagesPerMailboxMax) {
      throw new RelayError('quota_exceeded', undefined, { details: { limit: messagesPerMailboxMax } });
    }
    if ((mailbox?.plannedBytes ?? 0) + payloadBytes > bytesPerMailboxMax) {
      throw new RelayError('quota_exceeded', undefined, { details: { limit: bytesPerMailboxMax } });
    }
  }
}

/** What a push adds, as far as it is decided here. */
interface Added {
  readonly change: Change;
  readonly seq: number;
  /** Unix milliseconds. */
  readonly deadlineMs: bigint;
}

function pushResult(mailbox: Mailbox | undefined, stored: boolean): PushResult {
  return { stored, queueLen: mailbox?.plannedMessages ?? 0, queueBytes: mailbox?.plannedBytes ?? 0 };
}
