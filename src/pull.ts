import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Message } from './message.ts';
import type { Store } from './stores/store.ts';

/** `POST /pull`: a page of a mailbox. Deletes, locks and leases nothing. */
export async function pull(store: Store, body: Buffer): Promise<string> {
  const { recipient, cursor } = JSON.parse(body.toString());
  const afterSeq = cursor == null ? 0 : decodeCursor(cursor).seq;
  const page = await store.pull(recipient, afterSeq, { messagesMax: 256, bytesMax: 4_194_304 });
  const last = page.messages.at(-1);
  const next = page.more && last ? `"${encodeCursor(recipient, last.seq)}"` : 'null';
  return `{"items":[${page.messages.map(item).join()}],"next_cursor":${next},"remaining_estimate":${page.remaining}}`;
}

function item({ recipient, messageId, payload, meta, arrivalMs, deadlineMs }: Message): string {
  const ciphertext = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('base64');
  return (
    `{"recipient":${JSON.stringify(recipient)},"message_id":"${messageId}","ciphertext_b64":"${ciphertext}",` +
    `"meta":{"kind":${JSON.stringify(meta.kind)},"total_len":${meta.totalLen},"chunk_index":${meta.chunkIndex},` +
    `"chunk_count":${meta.chunkCount},"sent_ms":${meta.sentMs}},"arrival_ms":${arrivalMs},"deadline_ms":${deadlineMs}}`
  );
}
