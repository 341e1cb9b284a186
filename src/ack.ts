import type { Store } from './stores/store.ts';

/** `POST /ack`: deletes what the recipient has. Idempotent. */
export async function ack(store: Store, body: Buffer): Promise<string> {
  const { recipient, ack: entries } = JSON.parse(body.toString());
  const keys = entries.map((entry: { message_id: string; chunk_index: number }) => ({
    messageId: entry.message_id,
    chunkIndex: entry.chunk_index,
  }));
  const { deleted, missing, remaining } = await store.ack(recipient, keys);
  return `{"deleted":${deleted},"missing":${missing},"remaining":${remaining}}`;
}
