import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, post, refused, startTestRelay, testConfig } from './helpers.ts';

const cursor = (text: string) => Buffer.from(text).toString('base64');

test('an empty mailbox has an empty page, with every key and no other', async (t) => {
  const relay = await startTestRelay(t);
  const empty = { status: 200, body: { items: [], next_cursor: null, remaining_estimate: 0 } };
  assert.deepEqual(await post(relay, '/pull', { recipient: 'nobody', cursor: null, max: null }), empty);
  assert.deepEqual(await post(relay, '/pull', { recipient: 'nobody' }), empty);
});

test('the checks of a pull come in their order', async (t) => {
  const relay = await startTestRelay(t);
  const body = { recipient: ' ', max: 0, cursor: '' };
  assert.equal(await refused(relay, '/pull', body), 'recipient required');
  assert.equal(await refused(relay, '/pull', { ...body, recipient: 'a'.repeat(257) }), 'recipient too long');
  assert.equal(await refused(relay, '/pull', { ...body, recipient: 'a' }), 'max must be positive');
  assert.equal(await refused(relay, '/pull', { recipient: 'a', max: 1, cursor: '' }), 'invalid cursor');
  assert.equal(await refused(relay, '/pull', { recipient: 'a', cursor: cursor('b:x') }), 'invalid cursor');
  assert.equal(
    await refused(relay, '/pull', { recipient: 'a', cursor: cursor('b:1') }),
    'cursor recipient mismatch',
  );
  assert.match(await refused(relay, '/pull', { recipient: '', cursor: 1 }), /^cursor must be a string/);
  assert.match(await refused(relay, '/pull', '{"recipient":"","max":1.0}'), /^max must be an integer/);
  assert.match(await refused(relay, '/pull', '{"recipient":"a","max":18446744073709551616}'), /^max must be/);
});

test('pages follow each other by their cursors, which outlive what they point at', async (t) => {
  const relay = await startTestRelay(t);
  const bodies = Array.from({ length: 5 }, (_, number) => message(number));
  for (const body of bodies) await post(relay, '/push', body);

  const first = (await post(relay, '/pull', { recipient: 'alice', max: 2 })).body;
  assert.deepEqual([first.items.length, first.remaining_estimate], [2, 3]);
  const ack = bodies.slice(0, 2).map(({ message_id }) => ({ message_id, chunk_index: 0 }));
  await post(relay, '/ack', { recipient: 'alice', ack });

  const second = (await post(relay, '/pull', { recipient: 'alice', cursor: first.next_cursor })).body;
  assert.deepEqual(
    second.items.map((item: { message_id: string }) => item.message_id),
    bodies.slice(2).map((body) => body.message_id),
  );
  assert.deepEqual([second.next_cursor, second.remaining_estimate], [null, 0]);
});

test('a cursor past the end, up to 2^64−1, gives an empty last page', async (t) => {
  const relay = await startTestRelay(t);
  await post(relay, '/push', message(1));
  for (const seq of ['18446744073709551615', '9007199254740993']) {
    const { status, body } = await post(relay, '/pull', {
      recipient: 'alice',
      cursor: cursor(`alice:${seq}`),
    });
    assert.deepEqual([status, body], [200, { items: [], next_cursor: null, remaining_estimate: 1 }]);
  }
  const all = await post(relay, '/pull', { recipient: 'alice', cursor: cursor('alice:0') });
  assert.equal(all.body.items.length, 1);
});

test('a max above pull_batch_max, or none, is pull_batch_max', async (t) => {
  const relay = await startTestRelay(t, { relay: { ...testConfig.relay, pullBatchMax: 2 } });
  for (const number of [1, 2, 3]) await post(relay, '/push', message(number));
  for (const max of ['', ',"max":null', ',"max":3', ',"max":18446744073709551615']) {
    assert.equal((await post(relay, '/pull', `{"recipient":"alice"${max}}`)).body.items.length, 2, max);
  }
  assert.equal((await post(relay, '/pull', { recipient: 'alice', max: 1 })).body.items.length, 1);
});

test('a page ends at its budget of payload bytes, after one message at least', async (t) => {
  const relay = await startTestRelay(t, { relay: { ...testConfig.relay, pullPageBytesMax: 11 } });
  for (const number of [1, 2, 3]) await post(relay, '/push', message(number));
  const page = (await post(relay, '/pull', { recipient: 'alice' })).body;
  assert.deepEqual([page.items.length, page.remaining_estimate, typeof page.next_cursor], [1, 2, 'string']);
});
