import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, post, startTestRelay } from './helpers.ts';
import { connectRaw, request, roundTrips } from './raw.ts';

/** What comes again is not read again, and what is answered again is not put together again. */

const emptyPull = request('/pull', '{"recipient":"alice"}');

test('a request that comes again is answered by what is so by then', async (t) => {
  const relay = await startTestRelay(t);
  const connection = await connectRaw(t, relay);
  const ask = async (bytes: string): Promise<Record<string, unknown>> => {
    connection.send(bytes);
    return JSON.parse((await connection.answer()).body.toString());
  };
  const idsPulled = async (): Promise<string[]> => {
    const { items } = await ask(emptyPull);
    return (items as { message_id: string }[]).map(({ message_id }) => message_id);
  };
  const push = request('/push', JSON.stringify(message(1)));
  const { message_id, meta } = message(1);
  const key = { message_id, chunk_index: meta.chunk_index };
  const ack = request('/ack', JSON.stringify({ recipient: 'alice', ack: [key] }));

  assert.deepEqual(await idsPulled(), []);
  assert.deepEqual(await idsPulled(), []);
  assert.equal((await ask(push)).stored, true);
  assert.equal((await ask(push)).duplicate, true);
  assert.deepEqual(await idsPulled(), [message_id]);
  assert.deepEqual(await ask(ack), { deleted: 1, missing: 0, remaining: 0 });
  assert.deepEqual(await ask(ack), { deleted: 0, missing: 1, remaining: 0 });
  assert.deepEqual(await idsPulled(), []);
});

test('what came with a part of the next request is not taken for all of it when it comes again', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const ack = request('/ack', '{"recipient":"alice","ack":[]}');
  for (let time = 0; time < 3; time++) {
    connection.send(emptyPull + ack.slice(0, -10));
    assert.match((await connection.answer()).body.toString(), /^{"items"/);
    connection.send(ack.slice(-10));
    assert.match((await connection.answer()).body.toString(), /^{"deleted"/);
  }
});

test('the beginning of a request that comes again is not taken for all of it', async (t) => {
  const relay = await startTestRelay(t);
  const connection = await connectRaw(t, relay);
  for (let time = 0; time < 3; time++) {
    connection.send(emptyPull.slice(0, -10));
    await roundTrips(t, relay);
    connection.send(emptyPull.slice(-10));
    assert.match((await connection.answer()).body.toString(), /^{"items":\[\]/);
  }
  await post(relay, '/push', { ...message(1), recipient: 'bobby' });
  connection.send(emptyPull.slice(0, -10));
  await roundTrips(t, relay);
  connection.send(emptyPull.slice(-10).replace('alice', 'bobby'));
  assert.match((await connection.answer()).body.toString(), /^{"items":\[{"recipient":"bobby"/);
});

test('an answer that is the one before again is not dated as that was', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const dates = new Set<number>();
  while (dates.size < 2) {
    const from = Math.trunc(Date.now() / 1000);
    connection.send(emptyPull);
    const { headers } = await connection.answer();
    const second = Date.parse(headers.get('date') ?? '') / 1000;
    // Node's own server may be a second late.
    assert.ok(from - 1 <= second && second <= Date.now() / 1000, headers.get('date'));
    dates.add(second);
  }
});
