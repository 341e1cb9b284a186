import type { Mailboxes } from '../mailboxes.ts';
import type { Journal } from './journal.ts';

/**
 * The cleaner's ways over all segments. Cleaning may gain nothing, as where large records leave the ends of segments unused; so
 * a pass is followed by another one only once enough was written or has died.
 */
export class Passes {
  readonly #mailboxes: Mailboxes;
  readonly #journal: Journal;
  /** The last segment of the pass that is under way, and what had changed when it began. */
  #end = 0;
  #changedBefore = 0;

  constructor({ mailboxes, journal }: { mailboxes: Mailboxes; journal: Journal }) {
    this.#mailboxes = mailboxes;
    this.#journal = journal;
  }

  /** Whether a pass may clean a segment: the one that is under way, or one that begins now, as so many bytes have changed. */
  reach(number: number, bytesMin: number): boolean {
    if (number <= this.#end) return true;
    const changedBytes = this.#journal.callerBytes + this.#mailboxes.table.diedBytes;
    if (this.#end !== 0 && changedBytes - this.#changedBefore < bytesMin) return false;
    this.#end = this.#journal.tailNumber;
    this.#changedBefore = changedBytes;
    return true;
  }
}
