/**
 * Heads of records as rows of numbers, and their recipients as numbers too: for a start, which reads millions of them.
 * `npm run wasm` compiles it into `src/stores/disk/heads-wasm.ts`, and `src/stores/disk/heads.ts` is the only one that calls it.
 *
 * The fields of a head are those of `docs/file-format.md`.
 */

/** Memory, from its beginning: what is read, a row for each head in it, and the names that are known. */
export const HEADS: usize = 4096;
export const HEADS_BYTES: usize = 65_536;
export const ROWS: usize = HEADS + HEADS_BYTES;
export const ROW_BYTES: usize = 64;
/** Of the shortest heads there is room for so many. */
const ROWS_BYTES: usize = 98_304;
const SLOTS: usize = ROWS + ROWS_BYTES;
const SLOTS_COUNT: u32 = 131_072;
const NAMES: usize = SLOTS + 4 * SLOTS_COUNT;

/** In place of a name's number, where there was no room for it. */
export const UNKNOWN: u32 = 0xffff_ffff;
/** Names that collide further stay unknown, so that colliding on purpose makes no long search. */
const PROBES_MAX = 8;

const PUSH: u32 = 1;
const PUSH_BASE64: u32 = 2;
const END: u32 = 5;
const KEY_BYTES: usize = 44;
const PUSH_BYTES: usize = 76;
const CHECKSUM_BYTES: usize = 4;

const FACTOR: u64 = (u64(0xff51afd7) << 32) | 0xed558ccd;

let names: u32 = 0;
let namesEnd: usize = NAMES;

/** Reads the whole heads that stand from `HEADS` to an end, at most `max` of them; returns how many. */
export function read(end: usize, max: u32): u32 {
  let at = HEADS;
  let row = ROWS;
  for (let count: u32 = 0; count < max; count++) {
    if (at + KEY_BYTES > end) return count;
    const kind: u32 = load<u8>(at);
    if (kind < PUSH || kind > END) return count;
    const hasPayload = kind <= PUSH_BASE64;
    const recipient = at + (hasPayload ? PUSH_BYTES : KEY_BYTES);
    const recipientBytes: usize = load<u16>(at, 2);
    const next = recipient + recipientBytes + load<u16>(at, 4) + (hasPayload ? CHECKSUM_BYTES : 0);
    if (next > end) return count;
    store<f64>(row, f64(load<u64>(at, 8)));
    store<f64>(row, f64(load<u64>(at, 16)), 8);
    store<f64>(row, hasPayload ? f64(load<u64>(at, 64)) : 0, 16);
    store<u32>(row, kind, 24);
    store<u32>(row, numberOf(recipient, recipientBytes), 28);
    store<u32>(row, bswap<u32>(load<u32>(at, 24)), 32);
    store<u32>(row, bswap<u32>(load<u32>(at, 28)), 36);
    store<u32>(row, bswap<u32>(load<u32>(at, 32)), 40);
    store<u32>(row, bswap<u32>(load<u32>(at, 36)), 44);
    store<u32>(row, load<u32>(at, 40), 48);
    store<u32>(row, u32(next - at), 52);
    store<u32>(row, hasPayload ? load<u32>(at, 72) : 0, 56);
    at = next;
    row += ROW_BYTES;
  }
  return max;
}

/** The number of a name, a new one if it is not known. */
function numberOf(name: usize, bytes: usize): u32 {
  let slot = hashOf(name, bytes);
  for (let probe = 0; probe < PROBES_MAX; probe++, slot++) {
    const at = SLOTS + 4 * usize(slot & (SLOTS_COUNT - 1));
    const known: usize = load<u32>(at);
    if (known === 0) return addName(at, name, bytes);
    if (usize(load<u32>(known, 4)) === bytes && areEqual(known + 8, name, bytes)) return load<u32>(known);
  }
  return UNKNOWN;
}

/** Keeps a name: its number, its length, its bytes. */
function addName(slot: usize, name: usize, bytes: usize): u32 {
  const end = namesEnd + 8 + bytes;
  if (end > (<usize>memory.size()) << 16) return UNKNOWN;
  store<u32>(slot, u32(namesEnd));
  store<u32>(namesEnd, names);
  store<u32>(namesEnd, u32(bytes), 4);
  memory.copy(namesEnd + 8, name, bytes);
  namesEnd = (end + 7) & ~7;
  return names++;
}

function hashOf(name: usize, bytes: usize): u32 {
  let hash: u64 = bytes;
  let at: usize = 0;
  for (; at + 8 <= bytes; at += 8) hash = mixed(hash, load<u64>(name + at));
  for (; at < bytes; at++) hash = mixed(hash, load<u8>(name + at));
  // Every bit has moved the highest ones.
  return u32(mixed(hash, 0) >>> 40);
}

/** Half of the finalizer of MurmurHash3, whose factor it is. */
function mixed(hash: u64, word: u64): u64 {
  const product = (hash ^ word) * FACTOR;
  return product ^ (product >>> 32);
}

function areEqual(one: usize, other: usize, bytes: usize): bool {
  let at: usize = 0;
  for (; at + 8 <= bytes; at += 8) if (load<u64>(one + at) !== load<u64>(other + at)) return false;
  for (; at < bytes; at++) if (load<u8>(one + at) !== load<u8>(other + at)) return false;
  return true;
}
