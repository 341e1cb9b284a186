import { randomInt } from 'node:crypto';
import { type Column, Rows } from './column.ts';

/** What stands side by side of a slot: three doubles, and behind them its children. */
const [SEQ, MS, EARLIEST, ROW_WORDS] = [0, 1, 2, 8];
const [LEFT, RIGHT] = [6, 7];

/**
 * The messages of each mailbox in order of seq, and the earliest deadline among them: a treap for each mailbox, all
 * of them in the same columns. Slots are its nodes, 0 is no node; a tree is named by the slot at its root.
 *
 * Insertion, removal, the search for a seq and the search for what is due each take O(log n) steps in a tree of n,
 * wherever in it they happen; the stack is as deep as the tree, about 50 for a million.
 */
export class Order {
  readonly #rows = new Rows(ROW_WORDS);
  readonly seq = this.#rows.doubles(SEQ);
  /** A message's deadline; a memory's ack, which is in no tree. Unix milliseconds. */
  readonly ms = this.#rows.doubles(MS);
  /** The earliest deadline in the tree below and at a slot. */
  readonly #earliest = this.#rows.doubles(EARLIEST);
  readonly #left = this.#rows.words(LEFT);
  readonly #right = this.#rows.words(RIGHT);
  /** Priorities come from the slots' numbers; the salt keeps them unknown to those who choose what is inserted. */
  readonly #salt = randomInt(2 ** 32);

  reserve(slot: number): void {
    this.#rows.reserve(slot);
  }

  /** The earliest deadline in a tree, in Unix milliseconds; Infinity when it is empty. */
  earliestMs(root: number): number {
    return root === 0 ? Number.POSITIVE_INFINITY : this.#earliest.get(root);
  }

  /** Puts a slot into a tree; returns the new root. */
  insert(root: number, slot: number): number {
    const [seq, deadlineMs, priority] = [this.seq.get(slot), this.ms.get(slot), this.#priority(slot)];
    let parent = 0;
    let side: Column = this.#left;
    let below = root;
    while (below !== 0 && this.#priority(below) >= priority) {
      if (deadlineMs < this.#earliest.get(below)) this.#earliest.set(below, deadlineMs);
      side = seq < this.seq.get(below) ? this.#left : this.#right;
      parent = below;
      below = side.get(below);
    }
    this.#split(below, slot);
    this.#refresh(slot);
    if (parent === 0) return slot;
    side.set(parent, slot);
    return root;
  }

  /**
   * Makes a tree of slots, most of which are in order; returns its root. Each of those goes to the right end of the tree so
   * far, which is kept as a path: what is not above it becomes its left side, and is complete.
   */
  build(slots: Uint32Array): number {
    const path: number[] = [];
    const late: number[] = [];
    let newestSeq = -1;
    for (const slot of slots) {
      const seq = this.seq.get(slot);
      if (seq < newestSeq) {
        late.push(slot);
        continue;
      }
      newestSeq = seq;
      const priority = this.#priority(slot);
      let lesser = 0;
      for (let top = path.at(-1); top !== undefined && this.#priority(top) < priority; top = path.at(-1)) {
        this.#refresh(top);
        lesser = top;
        path.pop();
      }
      this.#left.set(slot, lesser);
      this.#right.set(slot, 0);
      if (path.length > 0) this.#right.set(path.at(-1) as number, slot);
      path.push(slot);
    }
    const root = path[0] ?? 0;
    while (path.length > 0) this.#refresh(path.pop() as number);
    return late.reduce((grown, slot) => this.insert(grown, slot), root);
  }

  /** Takes a slot that is in a tree out of it; returns the new root. */
  remove(root: number, slot: number): number {
    if (root === slot) return this.#join(this.#left.get(slot), this.#right.get(slot));
    const side = this.seq.get(slot) < this.seq.get(root) ? this.#left : this.#right;
    side.set(root, this.remove(side.get(root), slot));
    this.#refresh(root);
    return root;
  }

  /** A slot of the tree whose deadline is at or before `nowMs`, or 0. */
  firstDue(root: number, nowMs: number): number {
    let slot = root;
    while (slot !== 0 && this.#earliest.get(slot) <= nowMs) {
      if (this.ms.get(slot) <= nowMs) return slot;
      const left = this.#left.get(slot);
      slot = this.earliestMs(left) <= nowMs ? left : this.#right.get(slot);
    }
    return 0;
  }

  /** Visits the slots behind a seq in order until `visit` returns false. */
  visitAfter(root: number, seq: number, visit: (slot: number) => boolean): boolean {
    if (root === 0) return true;
    const inside = this.seq.get(root) > seq;
    if (inside && !this.visitAfter(this.#left.get(root), seq, visit)) return false;
    if (inside && !visit(root)) return false;
    return this.visitAfter(this.#right.get(root), seq, visit);
  }

  /** Hangs what is in a tree below `slot`, the earlier ones to its left, the later ones to its right. */
  #split(root: number, slot: number): void {
    let [lesser, lesserSide] = [slot, this.#left];
    let [greater, greaterSide] = [slot, this.#right];
    const path: number[] = [];
    for (let node = root; node !== 0; ) {
      path.push(node);
      if (this.seq.get(node) < this.seq.get(slot)) {
        lesserSide.set(lesser, node);
        [lesser, lesserSide] = [node, this.#right];
        node = this.#right.get(node);
      } else {
        greaterSide.set(greater, node);
        [greater, greaterSide] = [node, this.#left];
        node = this.#left.get(node);
      }
    }
    lesserSide.set(lesser, 0);
    greaterSide.set(greater, 0);
    while (path.length > 0) this.#refresh(path.pop() as number);
  }

  /** One tree of two, all of the first before all of the second. */
  #join(first: number, second: number): number {
    if (first === 0) return second;
    if (second === 0) return first;
    const firstOnTop = this.#priority(first) > this.#priority(second);
    if (firstOnTop) this.#right.set(first, this.#join(this.#right.get(first), second));
    else this.#left.set(second, this.#join(first, this.#left.get(second)));
    const root = firstOnTop ? first : second;
    this.#refresh(root);
    return root;
  }

  #refresh(slot: number): void {
    const below = Math.min(this.earliestMs(this.#left.get(slot)), this.earliestMs(this.#right.get(slot)));
    this.#earliest.set(slot, Math.min(this.ms.get(slot), below));
  }

  /** The finalizer of MurmurHash3: each bit of the slot's number moves about half of the bits of the result. */
  #priority(slot: number): number {
    let bits = slot ^ this.#salt;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (bits ^ (bits >>> 16)) >>> 0;
  }
}
