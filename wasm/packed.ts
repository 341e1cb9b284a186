/**
 * What costs most in a page, in AssemblyScript: `npm run wasm` compiles it into `src/packed-wasm.ts`, and only
 * `src/packed.ts` and `src/packed-json.ts` call it. Between two calls it keeps nothing but its tables.
 *
 * A record is that of a message with its payload as bytes, as `docs/file-format.md` has it.
 */

/** Memory, from its beginning: tables, then what the caller puts there, then what it finds there. */
const TABLES: usize = 4096;
/** The words before and behind what changes, in the order of a message: a byte for the length of each, and up to 31 more. */
export const WORDS: usize = 24_576;
export const WORD_BYTES: usize = 32;
/** The recipient, or a message as JSON up to its id. */
export const TEXT: usize = 32_768;
export const RECORDS: usize = 65_536;
/** To the end. */
export const OUTPUT: usize = 131_072;

/** Where the fields of a record stand. */
const RECIPIENT_BYTES: usize = 2;
const KIND_BYTES: usize = 4;
const SEQ: usize = 8;
const ARRIVAL_MS: usize = 16;
const MESSAGE_ID: usize = 24;
const CHUNK_INDEX: usize = 40;
const CHUNK_COUNT: usize = 44;
const TOTAL_LEN: usize = 48;
const SENT_MS: usize = 56;
const DEADLINE_MS: usize = 64;
const PAYLOAD_BYTES: usize = 72;
const RECIPIENT: usize = 76;
const CHECKSUM_BYTES: usize = 4;

/** The kind of record that it is about. */
const PUSH: u8 = 1;

/** The CRC-32 of zlib, by tables of sixteen bytes at a time ("slicing-by-16"). */
const POLYNOMIAL: u32 = 0xedb88320;
const TABLE_BYTES: usize = 1024;
const TABLE_COUNT: usize = 16;

for (let byte: u32 = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
  store<u32>(TABLES + (byte << 2), crc);
}
for (let table: usize = 1; table < TABLE_COUNT; table++) {
  for (let byte: u32 = 0; byte < 256; byte++) {
    const crc = entry(table - 1, byte);
    store<u32>(TABLES + table * TABLE_BYTES + (byte << 2), entry(0, crc & 255) ^ (crc >>> 8));
  }
}

/** What a byte comes to that has `table` others behind it. */
function entry(table: usize, byte: u32): u32 {
  return load<u32>(TABLES + table * TABLE_BYTES + (byte << 2));
}

/** The same of four bytes, the last of which has as many behind it. */
function entries(table: usize, four: u32): u32 {
  const low = entry(table + 3, four & 255) ^ entry(table + 2, (four >>> 8) & 255);
  return low ^ entry(table + 1, (four >>> 16) & 255) ^ entry(table, four >>> 24);
}

function crc32(from: usize, to: usize): u32 {
  let crc: u32 = 0xffffffff;
  let at = from;
  for (; at + 16 <= to; at += 16) {
    const first = entries(12, load<u32>(at) ^ crc) ^ entries(8, load<u32>(at, 4));
    crc = first ^ entries(4, load<u32>(at, 8)) ^ entries(0, load<u32>(at, 12));
  }
  for (; at < to; at++) crc = entry(0, (crc ^ load<u8>(at)) & 255) ^ (crc >>> 8);
  return ~crc;
}

/** Whether a record is whole, as it was written, and the one of this seq and the recipient at `TEXT`. */
export function isGood(record: usize, length: usize, seq: f64, recipientBytes: usize): bool {
  const nameBytes: usize = load<u16>(record, RECIPIENT_BYTES);
  const headBytes = RECIPIENT + nameBytes + load<u16>(record, KIND_BYTES) + CHECKSUM_BYTES;
  if (load<u8>(record) !== PUSH || headBytes > length) return false;
  if (load<u32>(record, PAYLOAD_BYTES) !== u32(length - headBytes)) return false;
  if (f64(load<u64>(record, SEQ)) !== seq || nameBytes !== recipientBytes) return false;
  if (memory.compare(record + RECIPIENT, TEXT, nameBytes) !== 0) return false;
  const checksum = record + headBytes - CHECKSUM_BYTES;
  return (crc32(record, checksum) ^ crc32(record + headBytes, record + length)) === load<u32>(checksum);
}

/**
 * Writes a good record as JSON to `to`, with what stands at `text` in front of its id. Returns where it ends; 0 if its kind
 * has to be escaped, which is left to the caller.
 */
export function write(record: usize, length: usize, to: usize, text: usize, textBytes: usize): usize {
  const kind = record + RECIPIENT + load<u16>(record, RECIPIENT_BYTES);
  const kindBytes: usize = load<u16>(record, KIND_BYTES);
  const payload = kind + kindBytes + CHECKSUM_BYTES;
  memory.copy(to, text, textBytes);
  let at = putUuid(to + textBytes, record + MESSAGE_ID);
  at = putWord(at, 0);
  at = putBase64(at, payload, record + length);
  at = putWord(at, 1);
  at = putPlain(at, kind, kindBytes);
  if (at === 0) return 0;
  at = putNumber(putWord(at, 2), load<u64>(record, TOTAL_LEN));
  at = putNumber(putWord(at, 3), load<u32>(record, CHUNK_INDEX));
  at = putNumber(putWord(at, 4), load<u32>(record, CHUNK_COUNT));
  at = putNumber(putWord(at, 5), load<u64>(record, SENT_MS));
  at = putNumber(putWord(at, 6), load<u64>(record, ARRIVAL_MS));
  at = putNumber(putWord(at, 7), load<u64>(record, DEADLINE_MS));
  return putWord(at, 8);
}

/** What comes behind it is written over what it copies too much. */
function putWord(to: usize, index: usize): usize {
  const word = WORDS + index * WORD_BYTES;
  v128.store(to, v128.load(word, 1));
  v128.store(to, v128.load(word, 17), 16);
  return to + load<u8>(word);
}

/** A string that stands between quotes as it is; 0 for any other. */
function putPlain(to: usize, from: usize, bytes: usize): usize {
  store<u8>(to, QUOTE);
  for (let index: usize = 0; index < bytes; index++) {
    const byte = load<u8>(from + index);
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return 0;
    store<u8>(to + index, byte, 1);
  }
  store<u8>(to + bytes, QUOTE, 1);
  return to + bytes + 2;
}

function putUuid(to: usize, from: usize): usize {
  let at = to;
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) store<u8>(at++, HYPHEN);
    const byte = load<u8>(from + index);
    store<u8>(at, hexDigit(byte >> 4));
    store<u8>(at, hexDigit(byte & 15), 1);
    at += 2;
  }
  return at;
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 48 + value : 87 + value;
}

function putNumber(to: usize, value: u64): usize {
  let end = to + 1;
  for (let left = value; left >= 10; left /= 10) end++;
  let at = end - 1;
  let left = value;
  // In 32 bits a division costs least.
  for (; left > u32.MAX_VALUE; left /= 10) store<u8>(at--, 48 + u8(left % 10));
  for (let low = u32(left); at >= to; low /= 10) store<u8>(at--, 48 + u8(low % 10));
  return end;
}

const SPACE: u8 = 0x20;
const QUOTE: u8 = 0x22;
const HYPHEN: u8 = 0x2d;
const EQUALS: u8 = 0x3d;
const BACKSLASH: u8 = 0x5c;

/** As in Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (2018). */
function putBase64(to: usize, from: usize, end: usize): usize {
  let at = to;
  let next = from;
  // Four at once, as V8 makes the constants anew in each round.
  for (; next + 52 <= end; next += 48) {
    putTwelve(at, next);
    putTwelve(at + 16, next + 12);
    putTwelve(at + 32, next + 24);
    putTwelve(at + 48, next + 36);
    at += 64;
  }
  for (; next + 16 <= end; next += 12) {
    putTwelve(at, next);
    at += 16;
  }
  for (; next + 3 <= end; next += 3) {
    const three = (u32(load<u8>(next)) << 16) | (u32(load<u8>(next, 1)) << 8) | load<u8>(next, 2);
    putLetters(at, three);
    at += 4;
  }
  if (next === end) return at;
  const isTwo = next + 2 === end;
  putLetters(at, (u32(load<u8>(next)) << 16) | (isTwo ? u32(load<u8>(next, 1)) << 8 : 0));
  if (!isTwo) store<u8>(at, EQUALS, 2);
  store<u8>(at, EQUALS, 3);
  return at + 4;
}

/** Twelve bytes, of sixteen that are there. */
function putTwelve(to: usize, from: usize): void {
  v128.store(to, letters(sixBits(v128.load(from))));
}

function putLetters(to: usize, three: u32): void {
  for (let index = 0; index < 4; index++) store<u8>(to + index, letter((three >>> (18 - 6 * index)) & 63));
}

function letter(value: u32): u8 {
  if (value < 26) return 65 + u8(value);
  if (value < 52) return 71 + u8(value);
  if (value < 62) return u8(value) - 4;
  return value === 62 ? 43 : 47;
}

/** The first twelve of sixteen bytes as sixteen numbers of six bits: of each three, the first and third move right, the others left. */
function sixBits(bytes: v128): v128 {
  const threes = i8x16.shuffle(bytes, bytes, 1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  const first = i32x4.shr_u(v128.and(threes, i32x4.splat(0x0000fc00)), 10);
  const third = i32x4.shr_u(v128.and(threes, i32x4.splat(0x0fc00000)), 6);
  const others = i16x8.mul(v128.and(threes, i32x4.splat(0x003f03f0)), i32x4.splat(0x01000010));
  return v128.or(v128.or(first, third), others);
}

/** What is added to a number of six bits to make a letter depends on which of five ranges it is in. */
function letters(values: v128): v128 {
  const isUpper = i8x16.lt_s(values, i8x16.splat(26));
  const range = v128.or(i8x16.sub_sat_u(values, i8x16.splat(51)), v128.and(isUpper, i8x16.splat(13)));
  const offsets = i8x16(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0);
  return i8x16.add(values, i8x16.swizzle(offsets, range));
}
