import type { Message } from './message.ts';

/** A stretch of JSON, and the payload that follows it in base64. */
interface Stretch {
  readonly text: string;
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * The messages of one mailbox as JSON, with commas between them, `before` in front and `after` behind. Written into a
 * buffer, which takes a third of the time that strings would take to be put together and encoded.
 */
export function messagesJson(messages: readonly Message[], before: string, after: string): Buffer {
  const recipient = JSON.stringify(messages[0]?.recipient);
  let text = before;
  const stretches: Stretch[] = messages.map((message, index) => {
    const comma = index === 0 ? '' : ',';
    text += `${comma}{"recipient":${recipient},"message_id":"${message.messageId}","ciphertext_b64":"`;
    const stretch = { text, payload: message.payload };
    text = afterPayload(message);
    return stretch;
  });
  stretches.push({ text: text + after, payload: NOTHING });
  return written(stretches);
}

function afterPayload({ meta, arrivalMs, deadlineMs }: Message): string {
  return (
    `","meta":{"kind":${JSON.stringify(meta.kind)},"total_len":${meta.totalLen},"chunk_index":${meta.chunkIndex},` +
    `"chunk_count":${meta.chunkCount},"sent_ms":${meta.sentMs}},"arrival_ms":${arrivalMs},"deadline_ms":${deadlineMs}}`
  );
}

function written(stretches: readonly Stretch[]): Buffer {
  let bytes = 0;
  for (const { text, payload } of stretches) bytes += Buffer.byteLength(text) + base64Length(payload);
  const json = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const { text, payload } of stretches) {
    at += json.write(text, at);
    const { buffer, byteOffset, length } = payload;
    at += json.write(Buffer.from(buffer, byteOffset, length).toString('base64'), at, 'latin1');
  }
  return json;
}

function base64Length({ length }: Uint8Array): number {
  return 4 * Math.ceil(length / 3);
}
