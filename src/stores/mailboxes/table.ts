import { countByMailbox, groupByMailbox } from './count.ts';
import { Directory, type Mailbox } from './directory.ts';
import { DueQueue } from './due.ts';
import { ACKED, GONE, LIVE, MEMORY, MemoryList, type Place, Slots } from './slots.ts';
import type { Words } from './uuid.ts';

/** A message's key and seq. */
export interface Fact {
  readonly recipient: string;
  readonly words: Words;
  readonly chunkIndex: number;
  readonly seq: number;
}

/** In place of the root of a mailbox that nobody has looked at since a bulk, less where its messages begin among all. */
const UNORDERED = -1;
/** Of so many messages and fewer it takes a tenth of a millisecond to put them in order. */
const ORDERED_LATER_MAX = 512;

/** Mailboxes and their slots, with the counters that always equal a recount. */
export class Table {
  readonly slots = new Slots();
  readonly memories = new MemoryList(this.slots);
  readonly due = new DueQueue<Mailbox>();
  readonly #directory = new Directory();
  readonly #onFree: (slot: number) => void;
  /** The messages that were there at the end of a bulk, by mailbox. */
  #grouped: Uint32Array = new Uint32Array();
  /** The number of the mailbox that `orderMore` looks at next. */
  #orderedNext = 0;
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
    return this.#directory.size;
  }

  mailbox(recipient: string): Mailbox | undefined {
    return this.#directory.get(recipient);
  }

  mailboxOf(slot: number): Mailbox {
    return this.#directory.at(this.slots.keys.mailboxOf(slot)) as Mailbox;
  }

  mailboxFor(recipient: string): Mailbox {
    return this.#directory.get(recipient) ?? this.#directory.create(recipient);
  }

  /** The slot of a key, or 0. */
  find(mailbox: Mailbox, words: Words, chunkIndex: number): number {
    const { keys } = this.slots;
    return keys.find(keys.rowOf(mailbox.number, words, chunkIndex));
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
    const { keys } = this.slots;
    keys.set(slot, keys.rowOf(mailbox.number, words, chunkIndex));
    keys.add(slot);
    this.slots.seq.set(slot, seq);
    mailbox.slots++;
    return slot;
  }

  /** Gives a slot back; its key and whatever list it was on are the caller's. */
  release(slot: number): void {
    const mailbox = this.mailboxOf(slot);
    this.#free(slot);
    if (--mailbox.slots === 0) this.#directory.delete(mailbox);
  }

  /** The root of a mailbox's tree, which is built now if nobody has looked at it since the start. */
  rootOf(mailbox: Mailbox): number {
    if (mailbox.root < 0) {
      const from = UNORDERED - mailbox.root;
      mailbox.root = this.slots.order.build(this.#grouped.subarray(from, from + mailbox.messages));
    }
    return mailbox.root;
  }

  /** Makes a message live: in its mailbox's order and figures. */
  enter(mailbox: Mailbox, slot: number): void {
    this.#setRoot(mailbox, this.slots.order.insert(this.rootOf(mailbox), slot));
    this.#add(mailbox, 1, this.slots.payloadBytes.get(slot));
  }

  /** Takes a live message out of its mailbox's order and figures. */
  leave(mailbox: Mailbox, slot: number): void {
    this.#setRoot(mailbox, this.slots.order.remove(this.rootOf(mailbox), slot));
    this.#add(mailbox, -1, -this.slots.payloadBytes.get(slot));
  }

  /**
   * Runs something that takes and discards slots of an empty table, and looks at nothing else: what follows from them is made at
   * its end, which is faster, and mailboxes that hold nothing go then. Small mailboxes are put in order when they are first looked
   * at, or by `orderMore`.
   */
  async inBulk<Result>(run: () => Promise<Result>): Promise<Result> {
    this.slots.keys.beginBulk();
    const result = await run();
    this.slots.keys.endBulk();
    this.#recount();
    this.memories.listAll();
    return result;
  }

  /** Puts about so many of the messages in order that are not yet, in as many steps; returns `max` unless that was all. */
  orderMore(max: number): number {
    for (let steps = 0; this.#orderedNext < this.#directory.end; this.#orderedNext++) {
      if (steps >= max) return max;
      const mailbox = this.#directory.at(this.#orderedNext);
      steps += mailbox !== undefined && mailbox.root < 0 ? mailbox.messages : 1;
      if (mailbox !== undefined) this.rootOf(mailbox);
    }
    this.#grouped = new Uint32Array();
    return 0;
  }

  /** Lets go of a slot, in bulk. */
  discard(slot: number): void {
    this.slots.keys.remove(slot);
    this.#free(slot);
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

  /** Gives mailboxes and the whole their figures, after slots were taken and discarded. */
  #recount(): void {
    const directory = this.#directory;
    const figures = countByMailbox(this.slots, directory.end);
    this.recordBytes = figures.recordBytes;
    this.#grouped = groupByMailbox(this.slots, figures);
    let grouped = 0;
    for (let number = 0; number < directory.end; number++) {
      const mailbox = directory.at(number) as Mailbox;
      const [messages, bytes] = [figures.messages[number] as number, figures.bytes[number] as number];
      this.#add(mailbox, messages, bytes);
      mailbox.plannedMessages = messages;
      mailbox.plannedBytes = bytes;
      mailbox.slots = figures.slots[number] as number;
      this.#setEarliest(mailbox, figures.earliestMs[number] as number);
      if (messages > 0) mailbox.root = UNORDERED - grouped;
      grouped += messages;
      if (messages > ORDERED_LATER_MAX) this.rootOf(mailbox);
      if (mailbox.slots === 0) directory.delete(mailbox);
    }
  }

  #free(slot: number): void {
    this.#setRecordBytes(slot, 0);
    this.slots.release(slot);
    this.#onFree(slot);
  }

  #setRecordBytes(slot: number, bytes: number): void {
    const before = this.slots.recordBytes.get(slot);
    this.recordBytes += bytes - before;
    this.diedBytes += Math.max(0, before - bytes);
    this.slots.recordBytes.set(slot, bytes);
  }

  #setRoot(mailbox: Mailbox, root: number): void {
    mailbox.root = root;
    this.#setEarliest(mailbox, this.slots.order.earliestMs(root));
  }

  #setEarliest(mailbox: Mailbox, earliestMs: number): void {
    if (earliestMs === mailbox.earliestMs) return;
    mailbox.earliestMs = earliestMs;
    this.due.update(mailbox);
  }

  #add(mailbox: Mailbox, messages: number, bytes: number): void {
    mailbox.messages += messages;
    mailbox.bytes += bytes;
    this.messages += messages;
    this.bytes += bytes;
  }
}
