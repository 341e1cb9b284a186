/**
 * Heads of records as the rows that a store's slots have of them, and recipients as the numbers of their mailboxes: for a start,
 * which reads millions of them. `npm run wasm` compiles it into `src/stores/disk/heads-wasm.ts`, and `src/stores/disk/heads.ts` is
 * the only one that calls it.
 *
 * The fields of a head are those of `docs/file-format.md`; the rows are those of `SlotRows`.
 */

/** Memory, from its beginning: heads, three rows for each, the names that are new, and a table of all that are known. */
export const HEADS: usize = 4096;
export const HEADS_BYTES: usize = 65_536;
/** Of the shortest heads there is room for so many. */
const ROWS_MAX: usize = 1_490;
export const KEYS: usize = HEADS + HEADS_BYTES;
const KEY_ROW_BYTES: usize = 32;
/** Where the hash stands in a row; before, what it is of, which ends with its length. */
const HASH: usize = 24;
const HASHED_LENGTH: u32 = 24 << 24;
const ABSORBED: usize = 7;
/** The seq and the time of each, as doubles. */
export const TIMES: usize = KEYS + ROWS_MAX * KEY_ROW_BYTES;
const TIME_ROW_BYTES: usize = 16;
export const SLOTS: usize = TIMES + ROWS_MAX * TIME_ROW_BYTES;
const SLOT_ROW_BYTES: usize = 28;
/**
 * The names that the last `read` met without knowing them. Of each, four bytes a field: where the caller writes the number of its
 * mailbox, where its bytes stand, how many they are, and room for the number of one that cannot be kept.
 */
export const NEW_NAMES: usize = SLOTS + ROWS_MAX * SLOT_ROW_BYTES;
const NEW_NAME_BYTES: usize = 16;
const BUCKETS: usize = NEW_NAMES + ROWS_MAX * NEW_NAME_BYTES;
const BUCKETS_COUNT: u32 = 131_072;
const NAMES: usize = BUCKETS + 4 * BUCKETS_COUNT;
/** Of a name, before its bytes: the number of its mailbox, and its length. */
const NAME_BYTES: usize = 8;

/** Names that collide further are not kept, so that colliding on purpose makes no long search. */
const PROBES_MAX = 8;

const PUSH: u32 = 1;
const PUSH_BASE64: u32 = 2;
const MEMORY_RECORD: u32 = 4;
const HEAD_BYTES: usize = 44;
const PUSH_BYTES: usize = 76;
const CHECKSUM_BYTES: usize = 4;

/** States of slots. */
const LIVE: u32 = 2;
const MEMORY: u32 = 8;
/** In place of the next slot of a bucket, for a slot that is in none. */
const UNLINKED: u32 = 0xffff_ffff;

const FACTOR: u64 = (u64(0xff51afd7) << 32) | 0xed558ccd;

/** Behind the last head that was read, and behind its record. */
export let headsEnd: usize = 0;
export let position: u32 = 0;
/** How many names the last `read` met without knowing them. */
export let newNames: u32 = 0;
let namesEnd: usize = NAMES;

/**
 * Makes rows of the whole heads that stand from `at` to `end`, at most `max` of them, whose records stand one behind the other in
 * a segment; returns how many. It ends before one that is no message's or ack's. In place of a mailbox's number the rows say where
 * that stands, until `finish`.
 */
export function read(at: usize, end: usize, max: u32, segment: u32, recordAt: u32): u32 {
  let key = KEYS;
  let time = TIMES;
  let slot = SLOTS;
  let count: u32 = 0;
  newNames = 0;
  for (; count < max; count++) {
    if (at + HEAD_BYTES > end) break;
    const kind: u32 = load<u8>(at);
    if (kind < PUSH || kind > MEMORY_RECORD) break;
    const hasPayload = kind <= PUSH_BASE64;
    const recipient = at + (hasPayload ? PUSH_BYTES : HEAD_BYTES);
    const recipientBytes: usize = load<u16>(at, 2);
    const next = recipient + recipientBytes + load<u16>(at, 4) + (hasPayload ? CHECKSUM_BYTES : 0);
    if (next > end) break;
    const payloadBytes: u32 = hasPayload ? load<u32>(at, 72) : 0;
    const keptBytes =
      kind === PUSH_BASE64 ? (payloadBytes / 3 + u32(payloadBytes % 3 !== 0)) * 4 : payloadBytes;
    const recordBytes = u32(next - at) + keptBytes;
    store<u32>(key, u32(numberOf(recipient, recipientBytes)));
    store<u32>(key, bswap<u32>(load<u32>(at, 24)), 4);
    store<u32>(key, bswap<u32>(load<u32>(at, 28)), 8);
    store<u32>(key, bswap<u32>(load<u32>(at, 32)), 12);
    store<u32>(key, bswap<u32>(load<u32>(at, 36)), 16);
    store<u32>(key, load<u32>(at, 40), 20);
    store<u32>(key, HASHED_LENGTH, HASH);
    store<u32>(key, UNLINKED, 28);
    store<f64>(time, f64(load<u64>(at, 8)));
    store<f64>(time, f64(hasPayload ? load<u64>(at, 64) : load<u64>(at, 16)), 8);
    store<u32>(slot, hasPayload ? LIVE : MEMORY);
    store<u32>(slot, payloadBytes, 4);
    store<u32>(slot, segment, 8);
    store<u32>(slot, recordAt, 12);
    store<u32>(slot, recordBytes, 16);
    at = next;
    recordAt += recordBytes;
    key += KEY_ROW_BYTES;
    time += TIME_ROW_BYTES;
    slot += SLOT_ROW_BYTES;
  }
  headsEnd = at;
  position = recordAt;
  return count;
}

/** Gives so many rows their mailboxes, and the hashes of their keys: HalfSipHash-1-3 with this seed. */
export function finish(count: u32, seed0: u32, seed1: u32): void {
  for (let key = KEYS; count > 0; count--, key += KEY_ROW_BYTES) {
    store<u32>(key, load<u32>(load<u32>(key)));
    let v0 = seed0;
    let v1 = seed1;
    let v2 = seed0 ^ 0x6c796765;
    let v3 = seed1 ^ 0x74656462;
    for (let round: usize = 0; round < ABSORBED + 3; round++) {
      const word = round < ABSORBED ? load<u32>(key + 4 * round) : 0;
      if (round === ABSORBED) v2 ^= 0xff;
      v3 ^= word;
      v0 += v1;
      v1 = rotl<u32>(v1, 5) ^ v0;
      v0 = rotl<u32>(v0, 16);
      v2 += v3;
      v3 = rotl<u32>(v3, 8) ^ v2;
      v0 += v3;
      v3 = rotl<u32>(v3, 7) ^ v0;
      v2 += v1;
      v1 = rotl<u32>(v1, 13) ^ v2;
      v2 = rotl<u32>(v2, 16);
      v0 ^= word;
    }
    store<u32>(key, v1 ^ v3, HASH);
  }
}

/** Where the number of a name's mailbox stands, or is to be written. */
function numberOf(name: usize, bytes: usize): usize {
  let bucket = hashOf(name, bytes);
  for (let probe = 0; probe < PROBES_MAX; probe++, bucket++) {
    const at = BUCKETS + 4 * usize(bucket & (BUCKETS_COUNT - 1));
    const known: usize = load<u32>(at);
    if (known === 0) return addName(at, name, bytes);
    if (usize(load<u32>(known, 4)) === bytes && areEqual(known + NAME_BYTES, name, bytes)) return known;
  }
  return tell(0, name, bytes);
}

function addName(bucket: usize, name: usize, bytes: usize): usize {
  const added = namesEnd;
  const end = added + NAME_BYTES + bytes;
  if (end > (<usize>memory.size()) << 16) return tell(0, name, bytes);
  store<u32>(bucket, u32(added));
  store<u32>(added, u32(bytes), 4);
  memory.copy(added + NAME_BYTES, name, bytes);
  namesEnd = (end + 7) & ~7;
  return tell(added, name, bytes);
}

/** Tells the caller of a name; returns where it is to write the number. */
function tell(number: usize, name: usize, bytes: usize): usize {
  const at = NEW_NAMES + NEW_NAME_BYTES * usize(newNames++);
  const to = number === 0 ? at + 12 : number;
  store<u32>(at, u32(to));
  store<u32>(at, u32(name), 4);
  store<u32>(at, u32(bytes), 8);
  return to;
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
