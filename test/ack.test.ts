import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, post, refused, startTestRelay } from './helpers.ts';

const id = message(1).message_id;

test('an ack counts each distinct entry once, and again is missing', async (t) => {
  const relay = await startTestRelay(t);
  await post(relay, '/push', message(1));
  await post(relay, '/push', message(2));
  const same = [id, id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`].map((message_id) => ({
    message_id,
    chunk_index: 0,
  }));
  const ack = [...same, { message_id: id, chunk_index: 1 }, { message_id: id, chunk_index: 1 }];
  assert.deepEqual((await post(relay, '/ack', { recipient: 'alice', ack })).body, {
    deleted: 1,
    missing: 1,
    remaining: 1,
  });
  assert.deepEqual((await post(relay, '/ack', { recipient: 'alice', ack })).body, {
    deleted: 0,
    missing: 2,
    remaining: 1,
  });
});

test('an empty ack, and one of an unknown mailbox, are fine', async (t) => {
  const relay = await startTestRelay(t);
  assert.deepEqual(await post(relay, '/ack', { recipient: 'alice', ack: [] }), {
    status: 200,
    body: { deleted: 0, missing: 0, remaining: 0 },
  });
  const ack = [{ message_id: id, chunk_index: 4_294_967_295, more: null }];
  assert.deepEqual((await post(relay, '/ack', { recipient: 'nobody', ack })).body, {
    deleted: 0,
    missing: 1,
    remaining: 0,
  });
});

test('an ack may have as many entries as fit the body', async (t) => {
  const relay = await startTestRelay(t);
  const ack = Array.from({ length: 100_000 }, (_, chunk_index) => ({ message_id: id, chunk_index }));
  await post(relay, '/push', message(1));
  assert.deepEqual((await post(relay, '/ack', { recipient: 'alice', ack })).body, {
    deleted: 1,
    missing: 99_999,
    remaining: 0,
  });
});

test('the checks of an ack come in their order', async (t) => {
  const relay = await startTestRelay(t);
  assert.equal(await refused(relay, '/ack', { recipient: '\u0085', ack: [] }), 'recipient required');
  assert.equal(await refused(relay, '/ack', { recipient: '漢'.repeat(86), ack: [] }), 'recipient too long');
  for (const [field, ack] of [
    ['ack', null],
    ['ack', {}],
    ['ack', [[id, 0]]],
    ['message_id', [{ message_id: 'x', chunk_index: 0 }]],
    ['message_id', [{ chunk_index: 0 }]],
    ['chunk_index', [{ message_id: id, chunk_index: -1 }]],
  ] as const) {
    assert.match(await refused(relay, '/ack', { recipient: '', ack }), new RegExp(`^${field} `));
  }
  const twice = `{"recipient":"a","ack":[{"message_id":"${id}","chunk_index":0,"chunk_index":0}]}`;
  assert.equal(await refused(relay, '/ack', twice), 'chunk_index is given twice');
});
