import { checkName, uuid } from './fields.ts';
import { list, mapped, object, parseBody, string, u32 } from './json.ts';
import type { MessageKey } from './message.ts';
import type { Counters } from './metrics.ts';
import { type Soon, whenThere } from './soon.ts';
import type { Store } from './stores/store.ts';

const entry = mapped(
  object({ message_id: uuid, chunk_index: u32 }),
  ({ message_id: messageId, chunk_index: chunkIndex }): MessageKey => ({ messageId, chunkIndex }),
);
const ackBody = object({ recipient: string, ack: list(entry) });

/** `POST /ack`: deletes what the recipient has. Idempotent. Throws `invalid_input`, and the store's `storage_error`. */
export function ack(store: Store, counters: Counters, body: Buffer): Soon<string> {
  return whenThere(parseBody(body, ackBody), async ({ recipient, ack: keys }) => {
    counters.ackTotal++;
    checkName('recipient', recipient);

    const { deleted, missing, remaining } = await store.ack(recipient, keys);
    counters.ackDeleted += deleted;
    return `{"deleted":${deleted},"missing":${missing},"remaining":${remaining}}`;
  });
}
