import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, post, startTestRelay } from '../helpers.ts';
import { connectRaw, request } from '../raw.ts';

for (const [what, last] of [
  ['without a Host', 'GET /health HTTP/1.1\r\n\r\n'],
  ['that was not told to go on', request('/nowhere', 'abc', ['expect: 100-continue'])],
] as const) {
  test(`nothing is done that came behind a request ${what}, whose refusal ends the connection`, async (t) => {
    const relay = await startTestRelay(t);
    const connection = await connectRaw(t, relay);
    const [first, second] = [1, 2].map((number) => request('/push', JSON.stringify(message(number))));
    connection.send(`${request('/pull', '{"recipient":"alice"}')}${last}${first}${second}`);
    assert.equal((await connection.answer()).status, 200);
    assert.equal((await connection.answer()).headers.get('connection'), 'close');
    assert.equal(await connection.ended(), '');
    assert.deepEqual((await post(relay, '/pull', { recipient: 'alice' })).body.items, []);
  });
}

test('a client learns at once that nothing follows the refusal of a malformed body', {
  timeout: 8_000,
}, async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(request('/push', 'zz\r\n', ['transfer-encoding: chunked']));
  assert.equal((await connection.answer()).status, 400);
  assert.equal(await connection.ended(), '');
});
