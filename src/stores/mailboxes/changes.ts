import type { Mailbox } from './directory.ts';
import { ACKED, FORGOTTEN, GONE, LIVE, MEMORY } from './slots.ts';
import type { Table } from './table.ts';

/** What one decision does to one slot, and where its record stands in the batch. */
export interface Change {
  readonly kind: 'push' | 'ack' | 'forget' | 'move';
  readonly slot: number;
  /** Offset in the batch, set by the store that writes it. */
  at: number;
  /** Length of the record. */
  bytes: number;
}

/**
 * What has been decided and is on its way to the disk: noted by `push`, `ack`, `forget` and `move`, until `settle` makes
 * them visible or `undo` takes all of them back.
 */
export class Changes {
  readonly #table: Table;
  readonly #remembers: boolean;
  #noted: Change[] = [];
  /** How many of them are settled. */
  #settled = 0;
  /** Slots that the noted changes will release. */
  #releasing = 0;

  /** Whether acked messages are remembered. */
  constructor(table: Table, remembers: boolean) {
    this.#table = table;
    this.#remembers = remembers;
  }

  /** Slots in use once everything noted is settled. */
  get plannedSlots(): number {
    return this.#table.slots.used - this.#releasing;
  }

  /** A message whose slot was taken. */
  push(mailbox: Mailbox, slot: number): Change {
    plan(mailbox, 1, this.#table.slots.payloadBytes.get(slot));
    return this.#note('push', slot);
  }

  ack(mailbox: Mailbox, slot: number): Change {
    const { slots } = this.#table;
    slots.state.set(slot, slots.state.get(slot) | ACKED);
    plan(mailbox, -1, -slots.payloadBytes.get(slot));
    if (!this.#remembers) {
      slots.keys.remove(slot);
      this.#releasing++;
    }
    return this.#note('ack', slot);
  }

  /** Gives the oldest memory up. */
  forgetOldest(): void {
    const { memories, slots } = this.#table;
    const slot = memories.oldest;
    memories.remove(slot);
    slots.keys.remove(slot);
    slots.state.set(slot, FORGOTTEN);
    this.#releasing++;
    this.#note('forget', slot);
  }

  /** The record of a message or memory is written anew. */
  move(slot: number): Change {
    return this.#note('move', slot);
  }

  /** Makes `max` more of them visible: their batch, of time `nowMs`, stands in a segment from `base` on. Returns how many there were. */
  settle(nowMs: number, segment: number, base: number, max: number): number {
    const { slots } = this.#table;
    const from = this.#settled;
    const to = Math.min(from + max, this.#noted.length);
    for (; this.#settled < to; this.#settled++) {
      const change = this.#noted[this.#settled] as Change;
      this.#settleOne(change, nowMs);
      const isKept = (slots.state.get(change.slot) & (LIVE | MEMORY)) !== 0;
      if (isKept)
        this.#table.place(change.slot, { segment, position: base + change.at, bytes: change.bytes });
    }
    if (to === this.#noted.length) this.#clear();
    return to - from;
  }

  /** Takes all of them back, the last change first. */
  undo(): void {
    for (const change of this.#noted.reverse()) this.#undoOne(change);
    this.#clear();
  }

  #clear(): void {
    this.#noted = [];
    this.#settled = 0;
    this.#releasing = 0;
  }

  #note(kind: Change['kind'], slot: number): Change {
    const change: Change = { kind, slot, at: 0, bytes: 0 };
    this.#noted.push(change);
    return change;
  }

  #settleOne({ kind, slot }: Change, nowMs: number): void {
    const table = this.#table;
    const state = table.slots.state.get(slot);
    if (kind === 'push') {
      table.slots.state.set(slot, LIVE | (state & ACKED));
      table.enter(table.mailboxOf(slot), slot);
    } else if (kind === 'ack') {
      if (state & LIVE) table.leave(table.mailboxOf(slot), slot);
      if (this.#remembers) table.remember(slot, nowMs);
      else table.release(slot);
    } else if (kind === 'forget') {
      table.release(slot);
    }
  }

  #undoOne({ kind, slot }: Change): void {
    const table = this.#table;
    const { slots } = table;
    const state = slots.state.get(slot);
    const mailbox = table.mailboxOf(slot);
    if (kind === 'push') {
      plan(mailbox, -1, -slots.payloadBytes.get(slot));
      slots.keys.remove(slot);
      table.release(slot);
    } else if (kind === 'ack' && state & GONE) {
      if (this.#remembers) slots.keys.remove(slot);
      table.release(slot);
    } else if (kind === 'ack') {
      slots.state.set(slot, state & ~ACKED);
      if (!this.#remembers) slots.keys.add(slot);
      plan(mailbox, 1, slots.payloadBytes.get(slot));
    } else if (kind === 'forget') {
      slots.state.set(slot, MEMORY);
      slots.keys.add(slot);
      table.memories.prepend(slot);
    }
  }
}

function plan(mailbox: Mailbox, messages: number, bytes: number): void {
  mailbox.plannedMessages += messages;
  mailbox.plannedBytes += bytes;
}
