import { base64Length } from './base64.ts';
import { pageBuffers } from './buffer-pool.ts';
import type { Message } from './message.ts';

/** What stands before each field of a message, and at its end. */
const words = {
  recipient: '{"recipient":',
  messageId: ',"message_id":"',
  payload: '","ciphertext_b64":"',
  kind: '","meta":{"kind":',
  totalLen: ',"total_len":',
  chunkIndex: ',"chunk_index":',
  chunkCount: ',"chunk_count":',
  sentMs: ',"sent_ms":',
  arrivalMs: '},"arrival_ms":',
  deadlineMs: ',"deadline_ms":',
  end: '}',
};
/** Those behind the id, in their order. */
export const wordsBehindId: readonly string[] = Object.values(words).slice(2);

/** Of a message as JSON, at most, all but its recipient, kind and payload: the words, a UUID, and seven integers. */
export const FIXED_BYTES_MAX = Object.values(words).join('').length + 36 + 7 * 20;

/** A stretch of JSON, and the payload that follows it in base64. */
interface Stretch {
  readonly text: string;
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** The messages of one mailbox as JSON, with commas between them, `before` in front and `after` behind. */
export function messagesJson(messages: readonly Message[], before: string, after: string): Buffer {
  const recipient = JSON.stringify(messages[0]?.recipient);
  let text = before;
  const stretches: Stretch[] = messages.map((message, index) => {
    const comma = index === 0 ? '' : ',';
    text += comma + beforePayload(recipient, message);
    const stretch = { text, payload: message.payload };
    text = afterPayload(message);
    return stretch;
  });
  stretches.push({ text: text + after, payload: NOTHING });
  return written(stretches);
}

/** Text, and the base64 of a payload or of a piece of one. */
export function payloadJson(text: string, payload: Uint8Array): Buffer {
  return written([{ text, payload }]);
}

/** `recipient`: as JSON. */
export function beforePayload(recipient: string, { messageId }: Pick<Message, 'messageId'>): string {
  return beforeId(recipient) + messageId + words.payload;
}

/** `recipient`: as JSON. */
export function beforeId(recipient: string): string {
  return words.recipient + recipient + words.messageId;
}

/** A number above 2^31 takes three times as long to write as a bigint. */
export function afterPayload({ meta, arrivalMs, deadlineMs }: Omit<Message, 'payload'>): string {
  const { kind, totalLen, chunkIndex, chunkCount, sentMs } = meta;
  return (
    words.kind +
    JSON.stringify(kind) +
    words.totalLen +
    totalLen +
    words.chunkIndex +
    chunkIndex +
    words.chunkCount +
    chunkCount +
    words.sentMs +
    sentMs +
    words.arrivalMs +
    BigInt(arrivalMs) +
    words.deadlineMs +
    deadlineMs +
    words.end
  );
}

function written(stretches: readonly Stretch[]): Buffer {
  let textBytes = 0;
  let textLength = 0;
  let payloadLength = 0;
  for (const { text, payload } of stretches) {
    textBytes += Buffer.byteLength(text);
    textLength += text.length;
    payloadLength += base64Length(payload.length);
  }
  // Text that is all ASCII, as nearly always, is only copied.
  const encoding = textBytes === textLength ? 'latin1' : 'utf8';
  const json = pageBuffers.take(textBytes + payloadLength);
  let at = 0;
  for (const { text, payload } of stretches) {
    at += json.write(text, at, encoding);
    at += json.write(base64Of(payload), at, 'latin1');
  }
  return json;
}

function base64Of(payload: Uint8Array): string {
  const { buffer, byteOffset, length } = payload;
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(buffer, byteOffset, length);
  return bytes.toString('base64');
}
