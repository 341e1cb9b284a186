import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startRelay } from '../src/relay.ts';
import { message, post, refused, startTestRelay, testConfig } from './helpers.ts';
import { connectRaw, request } from './raw.ts';

const push = message(1);
const withMeta = (meta: object) => ({ ...push, meta: { ...push.meta, ...meta } });

test('a push is answered with the figures of its mailbox, a second one as a duplicate, and no other keys', async (t) => {
  const relay = await startTestRelay(t);
  const stored = { status: 200, body: { stored: true, queue_len: 1, queue_bytes: 6 } };
  assert.deepEqual(await post(relay, '/push', push), stored);
  const again = {
    ...push,
    ciphertext_b64: 'b3RoZXI=',
    message_id: push.message_id.replaceAll('-', '').toUpperCase(),
  };
  const duplicate = { status: 200, body: { stored: false, duplicate: true, queue_len: 1, queue_bytes: 6 } };
  assert.deepEqual(await post(relay, '/push', again), duplicate);
});

test('the checks of a push come in their order', async (t) => {
  const relay = await startTestRelay(t, { relay: { ...testConfig.relay, maxMessageBytes: 5 } });
  const names = { recipient: '\u3000', kind: 'k'.repeat(257) };
  let body = { ...push, ciphertext_b64: '*', recipient: names.recipient };
  body.meta = { ...push.meta, kind: ' ', chunk_index: 7, chunk_count: 0 };
  assert.equal(await refused(relay, '/push', body), 'recipient required');
  body = { ...body, recipient: 'é'.repeat(129) };
  assert.equal(await refused(relay, '/push', body), 'recipient too long');
  body = { ...body, recipient: 'é'.repeat(128) };
  assert.equal(await refused(relay, '/push', body), 'chunk_count must be positive');
  body.meta.chunk_count = 7;
  assert.equal(await refused(relay, '/push', body), 'chunk_index out of range');
  body.meta.chunk_index = 6;
  assert.equal(await refused(relay, '/push', body), 'kind required');
  body.meta.kind = names.kind;
  assert.equal(await refused(relay, '/push', body), 'kind too long');
  body.meta.kind = 'k'.repeat(256);
  assert.equal(await refused(relay, '/push', body), 'invalid base64');
  body.ciphertext_b64 = push.ciphertext_b64;
  assert.equal(await refused(relay, '/push', body), 'message too large');
  body.ciphertext_b64 = 'c2VhbGU=';
  assert.equal((await post(relay, '/push', body)).body.queue_bytes, 5);
});

test('types come before every other check, and the message names the field', async (t) => {
  const relay = await startTestRelay(t);
  for (const [field, body] of [
    ['recipient', { ...push, recipient: null }],
    ['message_id', { ...push, recipient: '', message_id: `{${push.message_id.replaceAll('-', '')}}` }],
    ['ciphertext_b64', { ...push, recipient: '', ciphertext_b64: 1 }],
    ['meta', { ...push, recipient: '', meta: [] }],
    ['kind', { ...push, recipient: '', meta: { ...push.meta, kind: undefined } }],
    ['total_len', { ...push, recipient: '', meta: { ...push.meta, total_len: -1 } }],
    ['chunk_index', withMeta({ chunk_index: 4_294_967_296 })],
    ['chunk_count', withMeta({ chunk_count: 1.5 })],
    ['sent_ms', withMeta({ sent_ms: '1' })],
  ] as const) {
    assert.match(await refused(relay, '/push', body), new RegExp(`^${field} `));
  }
  assert.match(await refused(relay, '/push', `[${JSON.stringify(push)}]`), /^body /);
  assert.match(await refused(relay, '/push', Buffer.from([0x7b, 0xff, 0x7d])), /^body /);
});

test('what a push says of its message comes back digit for digit and character for character', async (t) => {
  const relay = await startTestRelay(t);
  const recipient = ' a:0\u2028"\\\u0000é漢😀\ufeff';
  const meta = `{"kind":"\\ud83d\\ude00\\u0000","total_len":9007199254740993,"chunk_index":4294967294,"chunk_count":4294967295,"sent_ms":18446744073709551615}`;
  const id = push.message_id;
  const body = `{"x":{"x":[1e5]},"recipient":${JSON.stringify(recipient)},"meta":${meta},"ciphertext_b64":"","message_id":"URN:uuid:${id.toUpperCase()}"}`;
  assert.equal((await post(relay, '/push', body)).body.stored, true);

  const answer = await fetch(`${relay.baseUrl}/pull`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ recipient }),
  });
  const text = await answer.text();
  assert.match(
    text,
    /"total_len":9007199254740993,"chunk_index":4294967294,"chunk_count":4294967295,"sent_ms":18446744073709551615}/,
  );
  const [item] = JSON.parse(text).items;
  assert.deepEqual(Object.keys(item), [
    'recipient',
    'message_id',
    'ciphertext_b64',
    'meta',
    'arrival_ms',
    'deadline_ms',
  ]);
  assert.deepEqual(Object.keys(item.meta), ['kind', 'total_len', 'chunk_index', 'chunk_count', 'sent_ms']);
  assert.equal(item.recipient, recipient);
  assert.equal(item.meta.kind, '😀\0');
  assert.equal(item.message_id, id);
  assert.equal(item.ciphertext_b64, '');
  assert.equal(item.deadline_ms, item.arrival_ms + 1_209_600_000);
});

test('a payload of exactly max_message_bytes is taken, one byte more is not', async (t) => {
  const relay = await startTestRelay(t);
  const sized = (bytes: number) => ({ ...push, ciphertext_b64: Buffer.alloc(bytes, 7).toString('base64') });
  assert.equal(await refused(relay, '/push', sized(8_388_609)), 'message too large');
  assert.equal((await post(relay, '/push', sized(8_388_608))).body.queue_bytes, 8_388_608);
});

for (const kind of ['memory', 'disk'] as const) {
  test(`large payloads come back as they were, whatever was pushed beside and before them: ${kind}`, async (t) => {
    const path = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
    t.after(() => rm(path, { recursive: true, force: true }));
    const relay = await startRelay({ ...testConfig, storage: { kind, path } });
    try {
      const pushes = [90_000, 600_000, 700_001, 1_500_000, 90_002, 650_000].map((bytes, number) => ({
        ...message(number),
        recipient: `recipient ${number}`,
        ciphertext_b64: Buffer.alloc(bytes, `the bytes of ${number}.`).toString('base64'),
      }));
      for (const beside of [pushes.slice(0, 3), pushes.slice(3)]) {
        const connections = await Promise.all(beside.map(() => connectRaw(t, relay)));
        const answers = beside.map((body, index) => {
          connections[index]?.send(request('/push', JSON.stringify(body)));
          return connections[index]?.answer();
        });
        for (const answer of await Promise.all(answers)) assert.equal(answer?.status, 200);
      }
      for (const { recipient, ciphertext_b64 } of pushes) {
        const { items } = (await post(relay, '/pull', { recipient })).body;
        assert.ok(items[0].ciphertext_b64 === ciphertext_b64, recipient);
      }
    } finally {
      await relay.stop();
    }
  });
}

test('a full mailbox is 409, a full relay 503', async (t) => {
  const full = await startTestRelay(t, {
    relay: { ...testConfig.relay, maxMessagesPerUser: 1, maxMessagesTotal: 2 },
  });
  assert.equal((await post(full, '/push', push)).status, 200);
  const quota = await post(full, '/push', message(2));
  assert.equal(quota.status, 409);
  assert.equal(quota.body.error.code, 'quota_exceeded');
  assert.equal(quota.body.error.message, 'recipient quota exceeded');
  assert.equal((await post(full, '/push', { ...message(3), recipient: 'bob' })).status, 200);
  const total = await post(full, '/push', { ...message(4), recipient: 'carol' });
  assert.equal(total.status, 503);
  assert.equal(total.body.error.code, 'storage_error');
  assert.equal(total.body.error.message, 'storage unavailable');
});
