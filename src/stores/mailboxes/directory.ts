import type { Due } from './due.ts';
import { Names } from './names.ts';

/** What waits for one recipient. */
export interface Mailbox extends Due {
  readonly recipient: string;
  /** Its place among all mailboxes; used again once the mailbox is gone. */
  readonly number: number;
  /** The tree of its live messages; `rootOf` is who looks at it. */
  root: number;
  messages: number;
  bytes: number;
  /** The same figures once every change on its way is settled. */
  plannedMessages: number;
  plannedBytes: number;
  /** Slots of any state; at 0 the mailbox goes. */
  slots: number;
}

/** All mailboxes, by their recipients and by their numbers. */
export class Directory {
  readonly #names = new Names<Mailbox>();
  readonly #byNumber: (Mailbox | undefined)[] = [];
  readonly #freeNumbers: number[] = [];

  get size(): number {
    return this.#names.size;
  }

  /** One above the highest number ever given. */
  get end(): number {
    return this.#byNumber.length;
  }

  get(recipient: string): Mailbox | undefined {
    return this.#names.get(recipient);
  }

  at(number: number): Mailbox | undefined {
    return this.#byNumber[number];
  }

  /** Makes the mailbox of a recipient who has none. */
  create(recipient: string): Mailbox {
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

  delete(mailbox: Mailbox): void {
    this.#names.delete(mailbox.recipient);
    this.#byNumber[mailbox.number] = undefined;
    this.#freeNumbers.push(mailbox.number);
  }
}
