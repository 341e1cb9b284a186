import { crc32 } from 'node:zlib';
import { readBig, readSafe, readU16, readU32BE } from '../../integers.ts';
import type { Message, PackedMessage } from '../../message.ts';
import { uuidText } from '../mailboxes/uuid.ts';
import {
  CHECKSUM_BYTES,
  expectedPayloadCrc,
  headBytesAt,
  keptBytesAt,
  PUSH,
  PUSH_BASE64,
  PUSH_BYTES,
} from './record.ts';
import type { Wanted } from './runs.ts';

/** A message's record as it stands in bytes that were read; its fields are read from there when they are asked for. */
export class KeptRecord implements PackedMessage {
  readonly bytes: Buffer;
  readonly recipient: string;
  readonly seq: number;
  readonly headBytes: number;
  readonly kindFrom: number;
  readonly payloadTo: number;
  readonly #at: number;

  /** `length`: of the whole record; less of it may be there. */
  constructor(bytes: Buffer, at: number, headBytes: number, { seq, recipient, bytes: length }: WantedRecord) {
    this.bytes = bytes;
    this.recipient = recipient;
    this.seq = seq;
    this.headBytes = headBytes;
    this.kindFrom = at + PUSH_BYTES + readU16(bytes, at + 2);
    this.payloadTo = at + length;
    this.#at = at;
  }

  get kindTo(): number {
    return this.payloadFrom - CHECKSUM_BYTES;
  }

  get payloadFrom(): number {
    return this.#at + this.headBytes;
  }

  get arrivalMsAt(): number {
    return this.#at + 16;
  }

  get messageIdAt(): number {
    return this.#at + 24;
  }

  get chunkIndexAt(): number {
    return this.#at + 40;
  }

  get chunkCountAt(): number {
    return this.#at + 44;
  }

  get totalLenAt(): number {
    return this.#at + 48;
  }

  get sentMsAt(): number {
    return this.#at + 56;
  }

  get deadlineMsAt(): number {
    return this.#at + 64;
  }

  /** Whether the payload is kept as bytes. */
  get isPacked(): boolean {
    return this.bytes[this.#at] === PUSH;
  }

  /** What the CRC of the payload, as it is kept, must be. */
  get expectedPayloadCrc(): number {
    return expectedPayloadCrc(this.bytes, this.#at, this);
  }

  /** Whether every byte is as it was written. */
  get isGood(): boolean {
    return crc32(this.bytes.subarray(this.payloadFrom, this.payloadTo)) === this.expectedPayloadCrc;
  }

  /** All of it. */
  get record(): Buffer {
    return this.bytes.subarray(this.#at, this.payloadTo);
  }

  message(): Message {
    const { bytes } = this;
    const word = (index: number): number => readU32BE(bytes, this.messageIdAt + 4 * index);
    return {
      recipient: this.recipient,
      messageId: uuidText([word(0), word(1), word(2), word(3)]),
      payload: this.payloadOf(bytes.subarray(this.payloadFrom, this.payloadTo)),
      meta: {
        kind: bytes.toString('utf8', this.kindFrom, this.kindTo),
        totalLen: readBig(bytes, this.totalLenAt),
        chunkIndex: bytes.readUInt32LE(this.chunkIndexAt),
        chunkCount: bytes.readUInt32LE(this.chunkCountAt),
        sentMs: readBig(bytes, this.sentMsAt),
      },
      seq: this.seq,
      arrivalMs: readSafe(bytes, this.arrivalMsAt),
      deadlineMs: readBig(bytes, this.deadlineMsAt),
    };
  }

  /** The payload from how it is kept, or a piece of one that begins a multiple of four bytes into it. */
  payloadOf(kept: Buffer): Buffer {
    return this.isPacked ? kept : Buffer.from(kept.toString('latin1'), 'base64');
  }
}

type WantedRecord = Pick<Wanted, 'seq' | 'recipient' | 'bytes'>;

/** The record that stands at a place, if it is the one that is wanted; its checksum is not looked at. */
export function wantedRecord(bytes: Buffer, at: number, wanted: WantedRecord): KeptRecord | undefined {
  const headBytes = headBytesAt(bytes, at);
  if (headBytes === 0 || (bytes[at] as number) > PUSH_BASE64) return undefined;
  if (readSafe(bytes, at + 8) !== wanted.seq || headBytes + keptBytesAt(bytes, at) !== wanted.bytes)
    return undefined;
  const recipientAt = at + PUSH_BYTES;
  const recipient = bytes.toString('utf8', recipientAt, recipientAt + readU16(bytes, at + 2));
  return recipient === wanted.recipient ? new KeptRecord(bytes, at, headBytes, wanted) : undefined;
}

/** The same, if every byte of it is there and as it was written. */
export function checkRecord(bytes: Buffer, at: number, wanted: WantedRecord): KeptRecord | undefined {
  const record = wantedRecord(bytes, at, wanted);
  return record !== undefined && record.payloadTo <= bytes.length && record.isGood ? record : undefined;
}
