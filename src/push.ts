import type { Store } from './stores/store.ts';

/** `POST /push`: keeps one message until its recipient acks it or it expires. */
export async function push(store: Store, body: Buffer): Promise<string> {
  const { recipient, message_id: messageId, ciphertext_b64, meta } = JSON.parse(body.toString());
  const result = await store.push({
    recipient,
    messageId,
    payload: Buffer.from(ciphertext_b64, 'base64'),
    meta: {
      kind: meta.kind,
      totalLen: BigInt(meta.total_len),
      chunkIndex: meta.chunk_index,
      chunkCount: meta.chunk_count,
      sentMs: BigInt(meta.sent_ms),
    },
  });
  const figures = `"queue_len":${result.queueLen},"queue_bytes":${result.queueBytes}`;
  return result.stored ? `{"stored":true,${figures}}` : `{"stored":false,"duplicate":true,${figures}}`;
}
