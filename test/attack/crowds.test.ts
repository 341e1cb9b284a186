import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Relay } from '../../src/relay.ts';
import { message, post, startTestRelay } from '../helpers.ts';
import { connectRaw, errorCode, type RawConnection, request } from '../raw.ts';

const CLIENTS = 100;

function connectMany(t: TestContext, relay: Relay): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(t, relay)));
}

for (const [what, bytes] of [
  ['heads', 'POST /push HTTP/1.1\r\nhost: relay\r\nx: '],
  ['small bodies', request('/push', '{"recipient":', [], 60_000)],
  ['large bodies', request('/push', '{"recipient":', [], 11_000_000)],
  ['chunks', request('/push', 'ff\r\n{"re', ['transfer-encoding: chunked'])],
] as const) {
  test(`others are served while ${CLIENTS} clients send ${what} a byte at a time`, async (t) => {
    const relay = await startTestRelay(t);
    const slow = await connectMany(t, relay);
    for (const connection of slow) connection.send(bytes);
    for (let number = 0; number < 5; number++) {
      for (const connection of slow) connection.send('x');
      assert.equal((await post(relay, '/push', message(number))).status, 200);
    }
    assert.ok(slow.every(({ socket }) => !socket.closed));
  });
}

test('bodies that blow up are refused, however many come at once, and others are served', async (t) => {
  const relay = await startTestRelay(t);
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const head = request('/push', '', ['content-encoding: gzip'], bomb.length);
  const bombs = (await connectMany(t, relay)).slice(0, 20);
  for (const connection of bombs) {
    connection.send(head);
    connection.send(bomb);
  }
  assert.equal((await post(relay, '/push', message(1))).status, 200);
  for (const connection of bombs) {
    const refused = await connection.answer();
    assert.deepEqual([refused.status, errorCode(refused)], [413, 'payload_too_large']);
  }
});

test('clients that reset their connections at any point leave the others alone', async (t) => {
  const relay = await startTestRelay(t);
  const whole = request('/push', JSON.stringify(message(1)));
  const connections = await connectMany(t, relay);
  for (const [number, { socket }] of connections.entries()) {
    socket.write(whole.repeat(2).slice(0, 1 + Math.floor((number / CLIENTS) * 2 * whole.length)));
    socket.resetAndDestroy();
  }
  await Promise.all(connections.map(({ socket }) => socket.closed || once(socket, 'close')));
  assert.equal((await post(relay, '/push', message(2))).status, 200);
});
