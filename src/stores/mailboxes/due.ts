/** What the queue orders: something that knows when it is due and lets the queue note where it stands. */
export interface Due {
  /** When the first of its messages expires, in Unix milliseconds; Infinity when it has none. */
  earliestMs: number;
  /** Owned by the queue; −1 outside of it. */
  queueIndex: number;
}

/** Mailboxes by their earliest deadline: a binary heap whose entries can be moved when their deadline changes. */
export class DueQueue<Entry extends Due> {
  readonly #heap: Entry[] = [];

  get first(): Entry | undefined {
    return this.#heap[0];
  }

  /** Adds an entry, moves it to where its `earliestMs` belongs, or takes it out when that is Infinity. */
  update(entry: Entry): void {
    if (entry.queueIndex >= 0 && entry.earliestMs === Number.POSITIVE_INFINITY) {
      this.#remove(entry);
    } else if (entry.queueIndex >= 0) {
      this.#sink(this.#rise(entry.queueIndex, entry), entry);
    } else if (entry.earliestMs !== Number.POSITIVE_INFINITY) {
      this.#heap.push(entry);
      this.#rise(this.#heap.length - 1, entry);
    }
  }

  #remove(entry: Entry): void {
    const last = this.#heap.pop() as Entry;
    if (last !== entry) this.#sink(this.#rise(entry.queueIndex, last), last);
    entry.queueIndex = -1;
  }

  #rise(from: number, entry: Entry): number {
    let index = from;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1] as Entry;
      if (parent.earliestMs <= entry.earliestMs) break;
      this.#put(index, parent);
      index = (index - 1) >> 1;
    }
    this.#put(index, entry);
    return index;
  }

  #sink(from: number, entry: Entry): void {
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      const right = this.#heap[child + 1];
      if (right !== undefined && right.earliestMs < (this.#heap[child] as Entry).earliestMs) child++;
      const least = this.#heap[child];
      if (least === undefined || least.earliestMs >= entry.earliestMs) break;
      this.#put(index, least);
      index = child;
    }
    this.#put(index, entry);
  }

  #put(index: number, entry: Entry): void {
    this.#heap[index] = entry;
    entry.queueIndex = index;
  }
}
