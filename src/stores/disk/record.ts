import { crc32 } from 'node:zlib';
import { base64Length } from '../../base64.ts';
import {
  readSafe,
  readU16,
  readU32,
  readU32BE,
  writeBig,
  writeSafe,
  writeU16,
  writeU32,
  writeU32BE,
} from '../../integers.ts';
import type { MessageMeta } from '../../message.ts';
import type { Words } from '../mailboxes/uuid.ts';

/**
 * Records: what the log says, one behind the other within a batch. All integers are little-endian but the UUID, which
 * stands in its usual order of bytes. `docs/file-format.md` has the same, for those who read the files.
 */

/** A message, its payload kept as bytes. */
export const PUSH = 1;
/** A message, its payload kept as base64 text. This program reads such records and writes none. */
export const PUSH_BASE64 = 2;
/** Deletes the message of its seq, and remembers its key. */
export const ACK = 3;
/** An ack's memory, carried along by the cleaner; deletes nothing. */
export const MEMORY = 4;
/** The store was closed; nothing was on its way. */
export const END = 5;

/** Where the fields of a record stand, those of a message only from `chunkCount` on. */
export const AT = {
  recipientBytes: 2,
  kindBytes: 4,
  zero: 6,
  seq: 8,
  ms: 16,
  messageId: 24,
  chunkIndex: 40,
  chunkCount: 44,
  totalLen: 48,
  sentMs: 56,
  deadlineMs: 64,
  payloadBytes: 72,
} as const;
/** Of the head of an ack, before its recipient. */
const ACK_BYTES = 44;
/** Of an end record, which is an ack of nothing. */
export const END_BYTES = ACK_BYTES;
/** Of the head of a message, before its recipient and kind. */
export const PUSH_BYTES = 76;
/** Ends the head of a message. */
const CHECKSUM_BYTES = 4;
/** The length of a string is a u16. */
const STRING_BYTES_MAX = 0xffff;
/** No head is longer. */
export const HEAD_BYTES_MAX = PUSH_BYTES + 2 * STRING_BYTES_MAX + CHECKSUM_BYTES;

/** What a record says before its payload. */
export interface RecordHead {
  readonly kind: number;
  readonly recipient: string;
  readonly words: Words;
  readonly chunkIndex: number;
  readonly seq: number;
  /** Arrival of a message; time of an ack. Unix milliseconds. */
  readonly ms: number;
  readonly headBytes: number;
  /** Decoded; 0 for what has no payload. */
  readonly payloadBytes: number;
  /** The payload as it stands in the file. */
  readonly keptBytes: number;
  /** Unix milliseconds, as near as a number gets; 0 for what has no payload. */
  readonly deadlineMs: number;
}

export interface PushHead {
  readonly recipient: string;
  readonly words: Words;
  readonly meta: MessageMeta;
  readonly seq: number;
  readonly arrivalMs: number;
  readonly deadlineMs: bigint;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** Length of the head of a message; undefined if one of its strings is too long for a record. */
export function pushHeadBytes(recipient: string, kind: string): number | undefined {
  const [recipientBytes, kindBytes] = [Buffer.byteLength(recipient), Buffer.byteLength(kind)];
  if (recipientBytes > STRING_BYTES_MAX || kindBytes > STRING_BYTES_MAX) return undefined;
  return PUSH_BYTES + recipientBytes + kindBytes + CHECKSUM_BYTES;
}

export function ackBytes(recipient: string): number {
  return ACK_BYTES + Buffer.byteLength(recipient);
}

/** Writes the head of a message. */
export function writePushHead(into: Buffer, at: number, push: PushHead): void {
  const { meta } = push;
  const recipientBytes = into.write(push.recipient, at + PUSH_BYTES);
  const kindBytes = into.write(meta.kind, at + PUSH_BYTES + recipientBytes);
  writeKey(into, at, PUSH, push.words, meta.chunkIndex, push.seq, push.arrivalMs);
  writeU16(into, at + AT.recipientBytes, recipientBytes);
  writeU16(into, at + AT.kindBytes, kindBytes);
  writeU32(into, at + AT.chunkCount, meta.chunkCount);
  writeBig(into, at + AT.totalLen, meta.totalLen);
  writeBig(into, at + AT.sentMs, meta.sentMs);
  writeBig(into, at + AT.deadlineMs, push.deadlineMs);
  writeU32(into, at + AT.payloadBytes, push.payloadBytes);
  const end = at + PUSH_BYTES + recipientBytes + kindBytes;
  writeU32(into, end, crc32(into.subarray(at, end)) ^ push.payloadCrc);
}

/**
 * What the CRC of a message's payload must be for its record to be whole: the checksum covers the head too, so that no
 * field of a message that is read alone, without the rest of its batch, can have changed.
 */
export function expectedPayloadCrc(from: Buffer, at: number, headBytes: number): number {
  const end = at + headBytes - CHECKSUM_BYTES;
  return (crc32(from.subarray(at, end)) ^ from.readInt32LE(end)) >>> 0;
}

export function isPush({ kind }: RecordHead): boolean {
  return kind === PUSH || kind === PUSH_BASE64;
}

/** Writes an ack or a memory. */
export function writeAck(
  into: Buffer,
  at: number,
  kind: typeof ACK | typeof MEMORY,
  ack: Pick<RecordHead, 'recipient' | 'words' | 'chunkIndex' | 'seq' | 'ms'>,
): void {
  const recipientBytes = into.write(ack.recipient, at + ACK_BYTES);
  writeKey(into, at, kind, ack.words, ack.chunkIndex, ack.seq, ack.ms);
  writeU16(into, at + AT.recipientBytes, recipientBytes);
  writeU16(into, at + AT.kindBytes, 0);
}

/** Writes an end record. */
export function writeEnd(into: Buffer, at: number): void {
  into.fill(0, at, at + END_BYTES);
  into.writeUInt8(END, at);
}

/** Length of the head that begins at `at`; 0 if no whole one stands there. */
export function headBytesAt(from: Buffer, at: number): number {
  if (at + ACK_BYTES > from.length) return 0;
  const kind = from[at] as number;
  if (kind < PUSH || kind > END) return 0;
  const fixedBytes = kind <= PUSH_BASE64 ? PUSH_BYTES + CHECKSUM_BYTES : ACK_BYTES;
  const headBytes = fixedBytes + readU16(from, at + AT.recipientBytes) + readU16(from, at + AT.kindBytes);
  return at + headBytes > from.length ? 0 : headBytes;
}

/** Length of the payload behind the whole head that begins at `at`, as it is kept. */
export function keptBytesAt(from: Buffer, at: number): number {
  const kind = from[at] as number;
  return kind > PUSH_BASE64 ? 0 : keptBytesOf(kind, readU32(from, at + AT.payloadBytes));
}

/** Length of a payload as it is kept. */
function keptBytesOf(kind: number, payloadBytes: number): number {
  return kind === PUSH_BASE64 ? base64Length(payloadBytes) : payloadBytes;
}

/** Whom the record is for whose whole head begins at `at`. */
export function recipientAt(from: Buffer, at: number): string {
  const begin = at + ((from[at] as number) <= PUSH_BASE64 ? PUSH_BYTES : ACK_BYTES);
  return from.toString('utf8', begin, begin + readU16(from, at + AT.recipientBytes));
}

/** The UUID of the record that begins at `at`. */
export function wordsAt(from: Buffer, at: number): Words {
  const word = (index: number): number => readU32BE(from, at + AT.messageId + 4 * index);
  return [word(0), word(1), word(2), word(3)];
}

/** Reads the head that begins at `at`; undefined if no whole one stands there. */
export function readHead(from: Buffer, at: number): RecordHead | undefined {
  const headBytes = headBytesAt(from, at);
  if (headBytes === 0) return undefined;
  const kind = from[at] as number;
  const hasPayload = kind <= PUSH_BASE64;
  return {
    kind,
    recipient: recipientAt(from, at),
    words: wordsAt(from, at),
    chunkIndex: readU32(from, at + AT.chunkIndex),
    seq: readSafe(from, at + AT.seq),
    ms: readSafe(from, at + AT.ms),
    headBytes,
    payloadBytes: hasPayload ? readU32(from, at + AT.payloadBytes) : 0,
    keptBytes: keptBytesAt(from, at),
    deadlineMs: hasPayload ? readSafe(from, at + AT.deadlineMs) : 0,
  };
}

function writeKey(
  into: Buffer,
  at: number,
  kind: number,
  words: Words,
  chunkIndex: number,
  seq: number,
  ms: number,
): void {
  writeU16(into, at, kind);
  writeU16(into, at + AT.zero, 0);
  writeSafe(into, at + AT.seq, seq);
  writeSafe(into, at + AT.ms, ms);
  for (let index = 0; index < 4; index++)
    writeU32BE(into, at + AT.messageId + 4 * index, words[index] as number);
  writeU32(into, at + AT.chunkIndex, chunkIndex);
}
