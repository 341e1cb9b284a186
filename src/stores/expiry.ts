import type { Mailboxes } from './mailboxes.ts';
import type { StoreTime } from './time.ts';
import { inTurns } from './turns.ts';

/** Drops what is due in a store's mailboxes as its time goes on. */
export class Expiry {
  readonly #mailboxes: Mailboxes;
  readonly #time: StoreTime;
  #swept = 0;

  constructor(mailboxes: Mailboxes, time: StoreTime) {
    this.#mailboxes = mailboxes;
    this.#time = time;
  }

  /** Drops what is due in one mailbox, a thousand messages a turn; undefined when that was all in this turn. */
  dropDue(recipient: string): Promise<void> | undefined {
    return inTurns((max) => this.#mailboxes.dropDue(this.#time.now(), max, recipient));
  }

  /** Drops what is due everywhere; resolves with how many messages have expired since the last sweep. */
  async sweep(): Promise<number> {
    await inTurns((max) => this.#mailboxes.dropDue(this.#time.now(), max));
    const swept = this.#mailboxes.expired - this.#swept;
    this.#swept += swept;
    return swept;
  }
}
