/**
 * HalfSipHash-1-3 (Aumasson and Bernstein), a keyed hash of 32-bit words: for tables whose keys are chosen by others,
 * who must not be able to make them collide. `begin`, `absorb` each word and last the length, `finish`.
 */
export interface SipState {
  v0: number;
  v1: number;
  v2: number;
  v3: number;
}

export function begin(key0: number, key1: number): SipState {
  return { v0: key0, v1: key1, v2: key0 ^ 0x6c796765, v3: key1 ^ 0x74656462 };
}

export function absorb(state: SipState, word: number): void {
  state.v3 ^= word;
  round(state);
  state.v0 ^= word;
}

/** Leaves the hash in the state, which is returned. */
export function finish(state: SipState): SipState {
  state.v2 ^= 0xff;
  round(state);
  round(state);
  round(state);
  return state;
}

function round(state: SipState): void {
  let { v0, v1, v2, v3 } = state;
  v0 = (v0 + v1) | 0;
  v1 = rotated(v1, 5) ^ v0;
  v0 = rotated(v0, 16);
  v2 = (v2 + v3) | 0;
  v3 = rotated(v3, 8) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = rotated(v3, 7) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = rotated(v1, 13) ^ v2;
  v2 = rotated(v2, 16);
  state.v0 = v0;
  state.v1 = v1;
  state.v2 = v2;
  state.v3 = v3;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
