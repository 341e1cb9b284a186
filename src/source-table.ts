import { randomBytes } from 'node:crypto';
import { absorb, begin, finish, type SipState } from './half-sip-hash.ts';

/** How many sources are kept in mind at most; this bounds a limiter's memory, whoever calls. A power of two. */
export const SLOTS = 65_536;

/** A source has its slot in one set of this many, so that finding it, or making room for it, always costs the same. */
const SLOTS_PER_SET = 8;

/** Something that is kept of sources, by slot. */
export interface Column {
  /** Until when what the slot holds matters. */
  untilMs(slot: number): number;
  forget(slot: number): void;
}

/**
 * Gives sources slots. There is always one for a newcomer: it takes over the slot of its set that matters for the
 * shortest time, so what is over goes first and a fresh ban last.
 *
 * A ban is forgotten early only when all eight sources of a set matter for longer. Nobody can tell who shares a
 * set, as the hash has a secret key; so one would need tens of thousands of addresses banned at once, each at the
 * price of a burst and `ban_after` refusals.
 */
export class SourceTable {
  readonly #columns: readonly Column[];
  readonly #key0 = randomBytes(4).readInt32LE();
  readonly #key1 = randomBytes(4).readInt32LE();
  /** 64 bits of hash stand for a source: its text would have to be kept, and collected. */
  readonly #hashes0 = new Int32Array(SLOTS);
  readonly #hashes1 = new Int32Array(SLOTS);

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** The slot that is the source's own until a newcomer of its set takes it over. */
  slotOf(source: string): number {
    const { v0, v1, v2, v3 } = hashOf(source, this.#key0, this.#key1);
    const hash0 = v0 ^ v1;
    const hash1 = v2 ^ v3;
    const first = hash0 & (SLOTS - SLOTS_PER_SET);
    for (let slot = first; slot < first + SLOTS_PER_SET; slot++) {
      if (this.#hashes0[slot] === hash0 && this.#hashes1[slot] === hash1) return slot;
    }
    const slot = this.#leastOf(first);
    for (const column of this.#columns) column.forget(slot);
    this.#hashes0[slot] = hash0;
    this.#hashes1[slot] = hash1;
    return slot;
  }

  #leastOf(first: number): number {
    let least = first;
    let leastMs = Number.POSITIVE_INFINITY;
    for (let slot = first; slot < first + SLOTS_PER_SET; slot++) {
      let untilMs = 0;
      for (const column of this.#columns) untilMs = Math.max(untilMs, column.untilMs(slot));
      if (untilMs >= leastMs) continue;
      least = slot;
      leastMs = untilMs;
    }
    return least;
  }
}

/** The state of the hash at its end. */
function hashOf(text: string, key0: number, key1: number): SipState {
  const state = begin(key0, key1);
  // Two characters a word; past the end charCodeAt gives NaN, which is 0 to bit operators.
  for (let i = 0; i < text.length; i += 2) absorb(state, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
  absorb(state, text.length);
  return finish(state);
}
