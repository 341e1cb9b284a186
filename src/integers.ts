/** An integer up to 2^53−1 as a u64. */
export function writeSafe(into: Buffer, at: number, value: number): void {
  writeU32(into, at, value);
  writeU32(into, at + 4, value / 2 ** 32);
}

/** The low 32 bits of an integer, or of what is before its point, without `Buffer`'s checks. There is room for it. */
export function writeU32(into: Buffer, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

export function writeU32BE(into: Buffer, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export function writeU16(into: Buffer, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
}

export function readSafe(from: Buffer, at: number): number {
  return readU32(from, at) + readU32(from, at + 4) * 2 ** 32;
}

/** As `Buffer` reads it, like the two below, at a fifth of the time: a start reads millions. The bytes are there. */
export function readU32(from: Buffer, at: number): number {
  return (readU16(from, at) | (readU16(from, at + 2) << 16)) >>> 0;
}

export function readU32BE(from: Buffer, at: number): number {
  const high = ((from[at] as number) << 8) | (from[at + 1] as number);
  return ((high << 16) | ((from[at + 2] as number) << 8) | (from[at + 3] as number)) >>> 0;
}

export function readU16(from: Buffer, at: number): number {
  return (from[at] as number) | ((from[at + 1] as number) << 8);
}

/** Any u64; `readBigUInt64LE` takes twice as long for those that are as small as nearly all are. */
export function readBig(from: Buffer, at: number): bigint {
  const value = readSafe(from, at);
  return Number.isSafeInteger(value) ? BigInt(value) : from.readBigUInt64LE(at);
}

/** Writes any u64, as `readBig` reads it. */
export function writeBig(into: Buffer, at: number, value: bigint): void {
  const near = Number(value);
  if (Number.isSafeInteger(near)) writeSafe(into, at, near);
  else into.writeBigUInt64LE(value, at);
}
