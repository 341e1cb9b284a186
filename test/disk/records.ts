import fc from 'fast-check';
import {
  ACK,
  ackBytes,
  END,
  MEMORY,
  PUSH,
  PUSH_BASE64,
  pushHeadBytes,
  writeAck,
  writeEnd,
  writePushHead,
} from '../../src/stores/disk/record.ts';
import type { Words } from '../../src/stores/mailboxes/uuid.ts';

/** What the head of a record says. */
export interface Given {
  readonly kind: number;
  readonly recipient: string;
  readonly messageKind: string;
  readonly words: Words;
  readonly chunkIndex: number;
  readonly seq: number;
  readonly ms: number;
  readonly deadlineMs: bigint;
  readonly payloadBytes: number;
}

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const recipient = fc.oneof(
  fc.constantFrom('alice', 'bob', 'a', '', 'é', '12345678', '123456789', 'x'.repeat(64), 'x'.repeat(256)),
  fc.string({ unit: 'binary', maxLength: 40 }).map((any) => Buffer.from(any).toString()),
);

/** Any record. */
export const record: fc.Arbitrary<Given> = fc.record({
  kind: fc.constantFrom(PUSH, PUSH_BASE64, ACK, MEMORY, END),
  recipient,
  messageKind: fc.constantFrom('', 'opaque', 'é'),
  words: fc.tuple(u32, u32, u32, u32),
  chunkIndex: u32,
  seq: fc.maxSafeNat(),
  ms: fc.maxSafeNat(),
  deadlineMs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  payloadBytes: u32,
});

export const sample: Given = {
  kind: ACK,
  recipient: 'alice',
  messageKind: '',
  words: [1, 2, 3, 4],
  chunkIndex: 0,
  seq: 1,
  ms: 1,
  deadlineMs: 0n,
  payloadBytes: 0,
};

/** Its head. */
export function encode(given: Given): Buffer {
  const { kind, recipient, messageKind, words, chunkIndex, seq, ms, deadlineMs, payloadBytes } = given;
  if (kind === END) {
    const end = Buffer.alloc(44);
    writeEnd(end, 0);
    return end;
  }
  if (kind === ACK || kind === MEMORY) {
    const ack = Buffer.alloc(ackBytes(recipient));
    writeAck(ack, 0, kind, { recipient, words, chunkIndex, seq, ms });
    return ack;
  }
  const push = Buffer.alloc(pushHeadBytes(recipient, messageKind) as number);
  const meta = {
    kind: messageKind,
    totalLen: 2n ** 64n - 1n,
    chunkIndex,
    chunkCount: 2 ** 32 - 1,
    sentMs: 0n,
  };
  writePushHead(push, 0, {
    recipient,
    words,
    meta,
    seq,
    arrivalMs: ms,
    deadlineMs,
    payloadBytes,
    payloadCrc: 0,
  });
  push.writeUInt8(kind, 0);
  return push;
}
