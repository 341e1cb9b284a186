import { crc32 } from 'node:zlib';
import { readBig, readSafe, readU16, readU32 } from '../../integers.ts';
import type { Message, PackedMessage } from '../../message.ts';
import { packedChecker } from '../../packed.ts';
import { uuidText } from '../mailboxes/uuid.ts';
import {
  AT,
  expectedPayloadCrc,
  headBytesAt,
  keptBytesAt,
  PUSH,
  PUSH_BASE64,
  PUSH_BYTES,
  recipientAt,
  wordsAt,
} from './record.ts';
import type { Wanted } from './runs.ts';

/** A message's record as it stands in bytes that were read; its fields are read from there when they are asked for. */
export class KeptRecord implements PackedMessage {
  readonly bytes: Buffer;
  readonly at: number;
  readonly length: number;
  readonly recipient: string;
  readonly seq: number;

  /** `length`: of the whole record; less of it may be there. */
  constructor(bytes: Buffer, at: number, { seq, recipient, bytes: length }: WantedRecord) {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    this.recipient = recipient;
    this.seq = seq;
  }

  get headBytes(): number {
    return headBytesAt(this.bytes, this.at);
  }

  get payloadBytes(): number {
    return readU32(this.bytes, this.at + AT.payloadBytes);
  }

  /** Whether the payload is kept as bytes. */
  get isPacked(): boolean {
    return this.bytes[this.at] === PUSH;
  }

  /** What the CRC of the payload, as it is kept, must be. */
  get expectedPayloadCrc(): number {
    return expectedPayloadCrc(this.bytes, this.at, this.headBytes);
  }

  /** Whether every byte is as it was written. */
  get isGood(): boolean {
    return crc32(this.keptPayload) === this.expectedPayloadCrc;
  }

  /** All of it. */
  get record(): Buffer {
    return this.bytes.subarray(this.at, this.at + this.length);
  }

  /** The payload as it is kept. */
  get keptPayload(): Buffer {
    return this.record.subarray(this.headBytes);
  }

  message(): Message {
    const { bytes, at } = this;
    const kindAt = at + PUSH_BYTES + readU16(bytes, at + AT.recipientBytes);
    return {
      recipient: this.recipient,
      messageId: uuidText(wordsAt(bytes, at)),
      payload: this.payloadOf(this.keptPayload),
      meta: {
        kind: bytes.toString('utf8', kindAt, kindAt + readU16(bytes, at + AT.kindBytes)),
        totalLen: readBig(bytes, at + AT.totalLen),
        chunkIndex: readU32(bytes, at + AT.chunkIndex),
        chunkCount: readU32(bytes, at + AT.chunkCount),
        sentMs: readBig(bytes, at + AT.sentMs),
      },
      seq: this.seq,
      arrivalMs: readSafe(bytes, at + AT.ms),
      deadlineMs: readBig(bytes, at + AT.deadlineMs),
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
  if (readSafe(bytes, at + AT.seq) !== wanted.seq || headBytes + keptBytesAt(bytes, at) !== wanted.bytes)
    return undefined;
  return recipientAt(bytes, at) === wanted.recipient ? new KeptRecord(bytes, at, wanted) : undefined;
}

/** The same, if every byte of it is there and as it was written. */
export function checkRecord(bytes: Buffer, at: number, wanted: WantedRecord): KeptRecord | undefined {
  const record = wantedRecord(bytes, at, wanted);
  return record !== undefined && at + wanted.bytes <= bytes.length && record.isGood ? record : undefined;
}

/**
 * The same of many records of one buffer, one after the other in one turn of the event loop: `packed.ts` looks at several of
 * them at once.
 */
export function recordChecker(bytes: Buffer): (at: number, wanted: WantedRecord) => KeptRecord | undefined {
  const isGood = packedChecker(bytes);
  return (at, wanted) =>
    isGood(at, wanted.bytes, wanted) ? new KeptRecord(bytes, at, wanted) : checkRecord(bytes, at, wanted);
}
