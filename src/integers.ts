/** An integer up to 2^53−1 as a u64. */
export function writeSafe(into: Buffer, at: number, value: number): void {
  into.writeUInt32LE(value % 2 ** 32, at);
  into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
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
