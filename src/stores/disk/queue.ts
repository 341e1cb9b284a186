import type { Waiting } from './requests.ts';

/**
 * What waits to be decided, in order; but what takes several turns of the event loop has a batch for itself, and no more
 * than every second one while anything else waits: however many such come, the others wait for one of them.
 */
export class Queue {
  readonly #short: Waiting[] = [];
  readonly #long: Waiting[] = [];
  /** Where the batch takes from, and where the last one that took anything did. */
  #lane = this.#short;
  #lastLane = this.#long;
  #isBatchOpen = true;

  get length(): number {
    return this.#short.length + this.#long.length;
  }

  add(waiting: Waiting): void {
    (waiting.request.isLong ? this.#long : this.#short).push(waiting);
  }

  beginBatch(): void {
    const [due, other] =
      this.#lastLane === this.#long ? [this.#short, this.#long] : [this.#long, this.#short];
    this.#lane = due.length > 0 ? due : other;
    this.#isBatchOpen = true;
  }

  /** The next that may go into this batch. */
  get next(): Waiting | undefined {
    return this.#isBatchOpen ? this.#lane[0] : undefined;
  }

  /** Takes the next one out. */
  take(): void {
    this.#lane.shift();
    this.#lastLane = this.#lane;
    this.#isBatchOpen = this.#lane === this.#short;
  }

  /** Takes all of them out. */
  drain(): Waiting[] {
    return [...this.#short.splice(0), ...this.#long.splice(0)];
  }
}
