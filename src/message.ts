/**
 * The vocabulary. One word per thing, in code, docs, metrics and errors alike.
 *
 * - **recipient**: whom a message is for. Any non-blank string; compared byte for byte; nothing in it has a meaning.
 * - **mailbox**: what waits for one recipient, in order of arrival.
 * - **message**: what one push stores. Larger things come as several **chunks**, each a message of its own that
 *   shares a `messageId` and differs in `chunkIndex`; (recipient, messageId, chunkIndex) is a message's key.
 * - **payload**: the sealed bytes of a message. Never looked into; measured in decoded bytes everywhere.
 * - **push, pull, ack**: store a message; read a page of a mailbox; delete what has been read.
 * - **seq**: the number that gives messages their order. Grows within the whole store, has gaps, is never used twice.
 * - **cursor**: a seq as clients see it, opaque to them. Means "after this one".
 * - **quota**: how much may wait for one recipient, by messages and by bytes.
 * - **deadline**: when a message expires. Fixed at push.
 * - **memory**: the key of an acked message, kept for the dedup window so that a late retry is recognised.
 * - **sweep**: the removal of what has expired.
 * - **store**: where all of it is kept.
 */

/** Names one message of a mailbox. */
export interface MessageKey {
  /** Lower-case hyphenated UUID. */
  readonly messageId: string;
  /** 0 … 2^32−1. */
  readonly chunkIndex: number;
}

/** What a sender says of a message. The relay echoes it and uses none of it but `chunkIndex`. */
export interface MessageMeta {
  /** Non-blank, at most 256 bytes of UTF-8. */
  readonly kind: string;
  /** 0 … 2^64−1; never checked against the payload. */
  readonly totalLen: bigint;
  /** 0 … chunkCount − 1. */
  readonly chunkIndex: number;
  /** 1 … 2^32−1. */
  readonly chunkCount: number;
  /** The sender's clock, 0 … 2^64−1. */
  readonly sentMs: bigint;
}

/** A message as it is pushed, checked. */
export interface NewMessage {
  readonly recipient: string;
  /** Lower-case hyphenated UUID. */
  readonly messageId: string;
  readonly payload: Uint8Array;
  readonly meta: MessageMeta;
}

/** A message as it is kept. */
export interface Message extends NewMessage {
  readonly seq: number;
  /** The store's clock when it took the message, in Unix milliseconds. */
  readonly arrivalMs: number;
  /** arrivalMs + TTL in Unix milliseconds, at most 2^64−1. */
  readonly deadlineMs: bigint;
}

/** A message as a record, as `docs/file-format.md` has it with its payload as bytes: for who needs little of it. */
export interface PackedMessage {
  readonly recipient: string;
  readonly seq: number;
  /** Where the record stands. */
  readonly bytes: Buffer;
  readonly at: number;
  readonly length: number;
  readonly payloadBytes: number;
}

/** Bound of `recipient` and of `kind`, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 256;
export const U32_MAX = 0xffff_ffff;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** When a message that arrives at a time expires: at most 2^64−1. */
export function deadlineMs(arrivalMs: number, ttlMs: bigint): bigint {
  const deadline = BigInt(arrivalMs) + ttlMs;
  return deadline > U64_MAX ? U64_MAX : deadline;
}
