import type { RelayConfig } from './config.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { RelayError } from './errors.ts';
import { checkName } from './fields.ts';
import { object, parseJson, string, u64 } from './json.ts';
import type { Message } from './message.ts';
import type { Counters } from './metrics.ts';
import type { Store } from './stores/store.ts';

const pullBody = object({ recipient: string }, { cursor: string, max: u64 });

/** `POST /pull`: a page of a mailbox. Deletes, locks and leases nothing. Throws `invalid_input`. */
export async function pull(
  store: Store,
  limits: RelayConfig['relay'],
  counters: Counters,
  body: Buffer,
): Promise<string> {
  const { recipient, cursor, max } = parseJson(body, pullBody);
  counters.pullTotal++;
  checkName('recipient', recipient);
  if (max === 0n) throw new RelayError('invalid_input', 'max must be positive');
  const afterSeq = cursor === undefined ? 0 : seqOf(cursor, recipient);

  const { messages, more, remaining } = await store.pull(recipient, afterSeq, {
    messagesMax: max === undefined ? limits.pullBatchMax : Math.min(Number(max), limits.pullBatchMax),
    bytesMax: limits.pullPageBytesMax,
  });
  const last = messages.at(-1);
  const next = more && last !== undefined ? `"${encodeCursor(last)}"` : 'null';
  return `{"items":[${messages.map(item).join()}],"next_cursor":${next},"remaining_estimate":${remaining}}`;
}

function seqOf(text: string, recipient: string): number {
  const cursor = decodeCursor(text);
  if (cursor === undefined) throw new RelayError('invalid_input', 'invalid cursor');
  if (cursor.recipient !== recipient) throw new RelayError('invalid_input', 'cursor recipient mismatch');
  return cursor.seq;
}

function item({ recipient, messageId, payload, meta, arrivalMs, deadlineMs }: Message): string {
  const ciphertext = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('base64');
  return (
    `{"recipient":${JSON.stringify(recipient)},"message_id":"${messageId}","ciphertext_b64":"${ciphertext}",` +
    `"meta":{"kind":${JSON.stringify(meta.kind)},"total_len":${meta.totalLen},"chunk_index":${meta.chunkIndex},` +
    `"chunk_count":${meta.chunkCount},"sent_ms":${meta.sentMs}},"arrival_ms":${arrivalMs},"deadline_ms":${deadlineMs}}`
  );
}
