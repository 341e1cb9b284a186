import type { RelayConfig } from './config.ts';
import { RelayError } from './errors.ts';
import { checkName, uuid } from './fields.ts';
import { base64, object, parseBody, string, u32, u64 } from './json.ts';
import type { Counters } from './metrics.ts';
import { type Soon, whenThere } from './soon.ts';
import type { Store } from './stores/store.ts';

const pushBody = object({
  recipient: string,
  message_id: uuid,
  ciphertext_b64: base64,
  meta: object({ kind: string, total_len: u64, chunk_index: u32, chunk_count: u32, sent_ms: u64 }),
});
type PushFields = Awaited<ReturnType<typeof pushBody>>;

/**
 * `POST /push`: keeps one message until its recipient acks it or it expires.
 *
 * Throws `invalid_input`, and what the store throws: `quota_exceeded` or `storage_error`.
 */
export function push(
  store: Store,
  limits: RelayConfig['relay'],
  counters: Counters,
  body: Buffer,
): Soon<string> {
  return whenThere(parseBody(body, pushBody), (fields) => keep(store, limits, counters, fields));
}

async function keep(
  store: Store,
  limits: RelayConfig['relay'],
  counters: Counters,
  { recipient, message_id: messageId, ciphertext_b64: payload, meta }: PushFields,
): Promise<string> {
  counters.pushTotal++;
  checkName('recipient', recipient);
  if (meta.chunk_count === 0) throw new RelayError('invalid_input', 'chunk_count must be positive');
  if (meta.chunk_index >= meta.chunk_count) throw new RelayError('invalid_input', 'chunk_index out of range');
  checkName('kind', meta.kind);
  if (payload === undefined) throw new RelayError('invalid_input', 'invalid base64');
  const limit = limits.maxMessageBytes;
  if (payload.length > limit)
    throw new RelayError('invalid_input', 'message too large', { details: { limit } });

  const { stored, queueLen, queueBytes } = await store.push({
    recipient,
    messageId,
    payload,
    meta: {
      kind: meta.kind,
      totalLen: meta.total_len,
      chunkIndex: meta.chunk_index,
      chunkCount: meta.chunk_count,
      sentMs: meta.sent_ms,
    },
  });
  counters[stored ? 'pushStored' : 'duplicates']++;
  const outcome = stored ? '"stored":true' : '"stored":false,"duplicate":true';
  return `{${outcome},"queue_len":${queueLen},"queue_bytes":${queueBytes}}`;
}
