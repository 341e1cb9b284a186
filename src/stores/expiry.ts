import type { Mailboxes } from './mailboxes.ts';
import type { StoreTime } from './time.ts';
import { inTurns } from './turns.ts';

/** Of a sweep, which nobody waits for, what is dropped in a turn of the event loop: a tenth of a millisecond. */
const SWEPT_A_TURN = 200;

/** Drops what is due in a store's mailboxes as its time goes on, a thousand messages a turn where a caller waits for it. */
export class Expiry {
  readonly #mailboxes: Mailboxes;
  readonly #time: StoreTime;
  #swept = 0;

  constructor(mailboxes: Mailboxes, time: StoreTime) {
    this.#mailboxes = mailboxes;
    this.#time = time;
  }

  /** Drops what is due in a mailbox at a time, by default now; undefined when that was all in this turn. */
  dropDue(recipient: string, nowMs = this.#time.now()): Promise<void> | undefined {
    if (!this.#mailboxes.isDue(recipient, nowMs)) return undefined;
    return inTurns((max) => this.#mailboxes.dropDue(nowMs, max, recipient));
  }

  /** Runs something in a turn, and at the time, in which nothing in a mailbox is due. */
  async whenNoneIsDue<Result>(recipient: string, run: (nowMs: number) => Result): Promise<Result> {
    for (;;) {
      const nowMs = this.#time.now();
      const dropping = this.dropDue(recipient, nowMs);
      if (dropping === undefined) return run(nowMs);
      await dropping;
    }
  }

  /** Drops what is due everywhere; resolves with how many messages have expired since the last sweep. */
  async sweep(): Promise<number> {
    await inTurns((max) => this.#mailboxes.dropDue(this.#time.now(), max), SWEPT_A_TURN);
    const swept = this.#mailboxes.expired - this.#swept;
    this.#swept += swept;
    return swept;
  }
}
