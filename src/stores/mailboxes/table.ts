import { type Due, DueQueue } from './due.ts';
import { Names } from './names.ts';
import { ACKED, GONE, LIVE, MEMORY, MemoryList, Slots } from './slots.ts';
import type { Words } from './uuid.ts';

/** A message's key and seq. */
export interface Fact {
  readonly recipient: string;
  readonly words: Words;
  readonly chunkIndex: number;
  readonly seq: number;
}

/** Where a record stands in the log. */
export interface Place {
  readonly segment: number;
  readonly position: number;
  /** Length of the record. */
  readonly bytes: number;
}

/** What waits for one recipient. */
export interface Mailbox extends Due {
  readonly recipient: string;
  /** Its place among all mailboxes; used again once the mailbox is gone. */
  readonly number: number;
  /** The tree of its live messages. */
  root: number;
  messages: number;
  bytes: number;
  /** The same figures once every change on its way is settled. */
  plannedMessages: number;
  plannedBytes: number;
  /** Slots of any state; at 0 the mailbox goes. */
  slots: number;
}

/** Mailboxes and their slots, with the counters that always equal a recount. */
export class Table {
  readonly slots = new Slots();
  readonly memories = new MemoryList(this.slots);
  readonly due = new DueQueue<Mailbox>();
  readonly #names = new Names<Mailbox>();
  readonly #byNumber: (Mailbox | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #onFree: (slot: number) => void;
  /** While messages are entered in bulk. */
  #ordersLater = false;
  messages = 0;
  bytes = 0;
  /** Bytes of the records of messages and memories. */
  recordBytes = 0;
  /** Bytes of records that count no more, since the start. */
  diedBytes = 0;

  constructor(onFree: (slot: number) => void) {
    this.#onFree = onFree;
  }

  get mailboxes(): number {
    return this.#names.size;
  }

  mailbox(recipient: string): Mailbox | undefined {
    return this.#names.get(recipient);
  }

  mailboxOf(slot: number): Mailbox {
    return this.#byNumber[this.slots.keys.mailboxOf(slot)] as Mailbox;
  }

  mailboxFor(recipient: string): Mailbox {
    return this.#names.get(recipient) ?? this.#create(recipient);
  }

  /** The slot of a key, or 0. */
  find(mailbox: Mailbox, words: Words, chunkIndex: number): number {
    return this.slots.keys.find(mailbox.number, words, chunkIndex);
  }

  /** What a slot is about. */
  factOf(slot: number): Fact {
    const { keys, seq } = this.slots;
    return {
      recipient: this.mailboxOf(slot).recipient,
      words: keys.wordsOf(slot),
      chunkIndex: keys.chunkIndexOf(slot),
      seq: seq.get(slot),
    };
  }

  /** A new slot that can be found by its key. */
  take(mailbox: Mailbox, state: number, words: Words, chunkIndex: number, seq: number): number {
    const slot = this.slots.take(state);
    this.slots.keys.set(slot, mailbox.number, words, chunkIndex);
    this.slots.keys.add(slot);
    this.slots.seq.set(slot, seq);
    mailbox.slots++;
    return slot;
  }

  /** Gives a slot back; its key and whatever list it was on are the caller's. */
  release(slot: number): void {
    const mailbox = this.mailboxOf(slot);
    this.#setRecordBytes(slot, 0);
    this.slots.release(slot);
    this.#onFree(slot);
    if (--mailbox.slots > 0) return;
    this.#names.delete(mailbox.recipient);
    this.#byNumber[mailbox.number] = undefined;
    this.#freeNumbers.push(mailbox.number);
  }

  /** Makes a message live: in its mailbox's order and figures. */
  enter(mailbox: Mailbox, slot: number): void {
    if (!this.#ordersLater) this.#setRoot(mailbox, this.slots.order.insert(mailbox.root, slot));
    this.#count(mailbox, 1, this.slots.payloadBytes.get(slot));
  }

  /** Takes a live message out of its mailbox's order and figures. */
  leave(mailbox: Mailbox, slot: number): void {
    if (!this.#ordersLater) this.#setRoot(mailbox, this.slots.order.remove(mailbox.root, slot));
    this.#count(mailbox, -1, -this.slots.payloadBytes.get(slot));
  }

  /** Runs something that enters many messages and looks at no order: they are put in order at its end, which is faster. */
  async inBulk<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#ordersLater = true;
    this.slots.keys.beginBulk();
    const result = await run();
    this.slots.keys.endBulk();
    this.#ordersLater = false;
    this.#orderAll();
    return result;
  }

  /** Drops a live message that is expired or damaged. One whose ack is on its way is kept for that ack's memory. */
  drop(slot: number): void {
    const mailbox = this.mailboxOf(slot);
    this.leave(mailbox, slot);
    if (this.slots.state.get(slot) === (LIVE | ACKED)) {
      this.slots.state.set(slot, GONE | ACKED);
      return;
    }
    mailbox.plannedMessages--;
    mailbox.plannedBytes -= this.slots.payloadBytes.get(slot);
    this.slots.keys.remove(slot);
    this.release(slot);
  }

  /** Makes a memory of a slot that is in no order any more. */
  remember(slot: number, ackedMs: number): void {
    this.slots.state.set(slot, MEMORY);
    this.slots.ms.set(slot, ackedMs);
    this.memories.append(slot);
  }

  forget(slot: number): void {
    this.memories.remove(slot);
    this.slots.keys.remove(slot);
    this.release(slot);
  }

  /** Notes where a slot's record stands. */
  place(slot: number, { segment, position, bytes }: Place): void {
    this.slots.segment.set(slot, segment);
    this.slots.position.set(slot, position);
    this.#setRecordBytes(slot, bytes);
  }

  #orderAll(): void {
    const { state, keys, order } = this.slots;
    const ends = new Uint32Array(this.#byNumber.length);
    let end = 0;
    for (const mailbox of this.#byNumber) {
      if (mailbox === undefined) continue;
      ends[mailbox.number] = end;
      end += mailbox.messages;
    }
    const grouped = new Uint32Array(end);
    for (let slot = 1; slot < this.slots.end; slot++) {
      if ((state.get(slot) & LIVE) === 0) continue;
      const number = keys.mailboxOf(slot);
      const at = ends[number] as number;
      grouped[at] = slot;
      ends[number] = at + 1;
    }
    for (const mailbox of this.#byNumber) {
      if (mailbox === undefined) continue;
      const to = ends[mailbox.number] as number;
      this.#setRoot(mailbox, order.build(grouped.subarray(to - mailbox.messages, to)));
    }
  }

  #setRecordBytes(slot: number, bytes: number): void {
    const before = this.slots.recordBytes.get(slot);
    this.recordBytes += bytes - before;
    this.diedBytes += Math.max(0, before - bytes);
    this.slots.recordBytes.set(slot, bytes);
  }

  #create(recipient: string): Mailbox {
    const mailbox: Mailbox = {
      // A copy: what a parser cuts out of a body would keep the whole body in memory.
      recipient: Buffer.from(recipient).toString(),
      number: this.#freeNumbers.pop() ?? this.#byNumber.length,
      root: 0,
      messages: 0,
      bytes: 0,
      plannedMessages: 0,
      plannedBytes: 0,
      slots: 0,
      earliestMs: Number.POSITIVE_INFINITY,
      queueIndex: -1,
    };
    this.#byNumber[mailbox.number] = mailbox;
    this.#names.set(mailbox.recipient, mailbox);
    return mailbox;
  }

  #setRoot(mailbox: Mailbox, root: number): void {
    mailbox.root = root;
    const earliestMs = this.slots.order.earliestMs(root);
    if (earliestMs === mailbox.earliestMs) return;
    mailbox.earliestMs = earliestMs;
    this.due.update(mailbox);
  }

  #count(mailbox: Mailbox, messages: number, bytes: number): void {
    mailbox.messages += messages;
    mailbox.bytes += bytes;
    this.messages += messages;
    this.bytes += bytes;
  }
}
