import { checkName, uuid } from './fields.ts';
import { list, object, parseJson, string, u32 } from './json.ts';
import type { Counters } from './metrics.ts';
import type { Store } from './stores/store.ts';

const ackBody = object({ recipient: string, ack: list(object({ message_id: uuid, chunk_index: u32 })) });

/** `POST /ack`: deletes what the recipient has. Idempotent. Throws `invalid_input`, and the store's `storage_error`. */
export async function ack(store: Store, counters: Counters, body: Buffer): Promise<string> {
  const { recipient, ack: entries } = parseJson(body, ackBody);
  counters.ackTotal++;
  checkName('recipient', recipient);

  const keys = entries.map((entry) => ({ messageId: entry.message_id, chunkIndex: entry.chunk_index }));
  const { deleted, missing, remaining } = await store.ack(recipient, keys);
  counters.ackDeleted += deleted;
  return `{"deleted":${deleted},"missing":${missing},"remaining":${remaining}}`;
}
