import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post, startTestRelay } from './helpers.ts';

test('a pushed message is pulled until it is acked', async (t) => {
  const relay = await startTestRelay(t);
  const message = {
    recipient: 'alice',
    message_id: '0b6e0f2c-7f3c-4c1e-9a57-2f6f0f6d9a01',
    ciphertext_b64: 'c2VhbGVk',
    meta: { kind: 'text', total_len: 6, chunk_index: 0, chunk_count: 1, sent_ms: 1 },
  };
  assert.deepEqual(await post(relay, '/push', message), {
    status: 200,
    body: { stored: true, queue_len: 1, queue_bytes: 6 },
  });

  const page = await post(relay, '/pull', { recipient: 'alice', cursor: null, max: null });
  const { arrival_ms, deadline_ms, ...item } = page.body.items[0];
  assert.deepEqual(item, message);
  assert.equal(deadline_ms - arrival_ms, 1_209_600_000);

  const entry = { message_id: message.message_id, chunk_index: 0 };
  const acked = await post(relay, '/ack', { recipient: 'alice', ack: [entry] });
  assert.deepEqual(acked.body, { deleted: 1, missing: 0, remaining: 0 });
});
