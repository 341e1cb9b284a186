import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RelayError } from '../src/errors.ts';
import { type Relay, startRelay } from '../src/index.ts';
import { type Logger, silentLog } from '../src/log.ts';
import { manualClock, storeWith, storeWithGate } from './fixtures.ts';
import { message, post, startTestRelay, testConfig } from './helpers.ts';
import { connectRaw, health, request } from './raw.ts';

const push = request('/push', JSON.stringify(message(1)));

test('a stop waits for the answers that are on their way, and closes with them', async (t) => {
  const { store, begun, open } = await storeWithGate(t);
  const relay = await startTestRelay(t, {}, { store, clock: manualClock().clock });
  const connection = await connectRaw(t, relay);
  connection.send(push);
  await begun;
  const stopped = relay.stop();
  open();
  const answer = await connection.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('connection'), 'close');
  await stopped;
  assert.equal(await connection.ended(), '');
});

test('an answer that was given before says at the stop that the connection ends', async (t) => {
  const relay = await startTestRelay(t, {}, { clock: manualClock().clock });
  const connection = await connectRaw(t, relay);
  const pull = request('/pull', '{"recipient":"alice"}');
  connection.send(pull.slice(0, -1));
  const other = await connectRaw(t, relay);
  for (let turn = 0; turn < 100; turn++) {
    other.send(pull);
    assert.equal((await other.answer()).headers.get('connection'), 'keep-alive');
  }
  const stopped = relay.stop();
  connection.send(pull.slice(-1));
  assert.equal((await connection.answer()).headers.get('connection'), 'close');
  await stopped;
});

test('a request whose body is still to come at the stop is served', async (t) => {
  const relay = await startTestRelay(t, {}, { clock: manualClock().clock });
  const connection = await connectRaw(t, relay);
  const body = JSON.stringify(message(1));
  connection.send(request('/push', '', ['expect: 100-continue'], body.length));
  assert.equal((await connection.answer({ body: false })).status, 100);
  const stopped = relay.stop();
  connection.send(body);
  assert.equal((await connection.answer()).status, 200);
  await stopped;
});

test('a stop waits for an answer that a slow client is still reading', async (t) => {
  const relay = await startTestRelay(t, {}, { clock: manualClock().clock });
  const connection = await connectRaw(t, relay);
  connection.send(
    request('/push', JSON.stringify({ ...message(1), ciphertext_b64: 'QUJD'.repeat(2_700_000) })),
  );
  assert.equal((await connection.answer()).status, 200);
  connection.send(request('/pull', '{"recipient":"alice"}'));
  await once(connection.socket, 'data');
  connection.socket.pause();
  const stopped = relay.stop();
  connection.socket.resume();
  const page = await connection.answer();
  assert.equal(JSON.parse(page.body.toString()).items.length, 1);
  await stopped;
});

test('a client that still sends what was refused at the stop is let finish', async (t) => {
  const relay = await startTestRelay(t, {}, { clock: manualClock().clock });
  const connection = await connectRaw(t, relay);
  const errors: Error[] = [];
  connection.send(
    'POST /push HTTP/1.1\r\nhost: relay\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n{',
  );
  assert.equal((await connection.answer()).status, 400);
  const stopped = relay.stop();
  for (let piece = 0; piece < 9; piece++) {
    // Time for the relay to read what was sent, or to end the connection.
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    connection.socket.write(Buffer.alloc(111_111), (error) => {
      if (error) errors.push(error);
    });
  }
  assert.equal(await connection.ended(), '');
  assert.deepEqual(errors, []);
  await stopped;
});

test('a stop closes idle connections at once, used or not', async (t) => {
  const relay = await startTestRelay(t, {}, { clock: manualClock().clock });
  const [unused, used] = [await connectRaw(t, relay), await connectRaw(t, relay)];
  used.send(health);
  await used.answer();
  await relay.stop();
  await Promise.all([unused.ended(), used.ended()]);
});

test('a stop waits five seconds for half-sent requests and slow work, and no longer', async (t) => {
  const { store, begun, open } = await storeWithGate(t);
  const { clock, fire } = manualClock();
  const relay = await startTestRelay(t, {}, { store, clock });
  const [halfBody, slow] = [await connectRaw(t, relay), await connectRaw(t, relay)];
  halfBody.send(request('/push', '{"recip', [], 1_000));
  slow.send(push);
  await begun;
  const stopped = relay.stop();
  await assert.rejects(connectRaw(t, relay), { code: 'ECONNREFUSED' });
  assert.equal(slow.socket.closed, false);
  fire(5_000);
  open();
  await stopped;
  await Promise.all([halfBody.ended(), slow.ended()]);
});

test('a stop is done once, however often it is asked for', async (t) => {
  let closes = 0;
  const relay = await startTestRelay(t, { storage: { kind: 'disk', path: await directory(t) } });
  const first = relay.stop().then(() => closes++);
  await Promise.all([first, relay.stop(), relay.stop()]);
  await relay.stop();
  assert.equal(closes, 1);
});

test('a start that fails half-way lets go of the store', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const config = { ...testConfig, storage: { kind: 'disk', path: await directory(t) } } as const;
  await assert.rejects(startRelay({ ...config, address: `127.0.0.1:${port}` }), (error: RelayError) => {
    assert.equal(error.code, 'config_error');
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*in use`));
    return true;
  });
  const relay = await startTestRelay(t, config);
  assert.equal((await post(relay, '/push', message(1))).status, 200);
});

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ family }) => family === 'IPv6'),
);

for (const [address, expected] of [
  ['0.0.0.0:0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['[::]:0', /^http:\/\/\[::1\]:\d+$/],
  ['[::1]:0', /^http:\/\/\[::1\]:\d+$/],
  ['localhost:0', /^http:\/\/localhost:\d+$/],
] as const) {
  const skip = address.startsWith('[') && !hasIPv6;
  test(`a relay at ${address} says where it can be opened`, { skip }, async (t) => {
    const relay = await startTestRelay(t, { address });
    assert.match(relay.baseUrl, expected);
    assert.equal((await fetch(`${relay.baseUrl}/health`)).status, 200);
  });
}

test('sweeps come at their interval, one at a time, and go on after one that fails', async (t) => {
  let begun = 0;
  let finish: (error?: Error) => void = () => {};
  const store = await storeWith(t, () => ({
    sweep() {
      begun++;
      return new Promise((resolve, reject) => {
        finish = (error) => (error ? reject(error) : resolve(0));
      });
    },
  }));
  const { clock, fire } = manualClock();
  const { log, lines } = recordingLog();
  const relay = await startTestRelay(
    t,
    { relay: { ...testConfig.relay, gcIntervalSeconds: 7 } },
    { store, clock, log },
  );
  fire(7_000);
  fire(7_000);
  assert.equal(begun, 1);
  finish(new Error('the disk is gone'));
  await new Promise(setImmediate);
  assert.equal(lines.length, 1);
  fire(7_000);
  assert.equal(begun, 2);
  let stopped = false;
  const stop = relay.stop().then(() => {
    stopped = true;
  });
  await new Promise(setImmediate);
  assert.equal(stopped, false);
  finish();
  await stop;
  fire(7_000);
  assert.equal(begun, 2);
});

test('metrics are read at an address of their own, where they are on, until the stop', async (t) => {
  const relay = await startTestRelay(t, { metrics: { enabled: true, address: '127.0.0.1:0' } });
  await post(relay, '/push', message(1));
  const text = await (await fetch(`${relay.metricsUrl}`)).text();
  assert.match(text, /^enigma_relay_push_stored_total 1$/m);
  assert.match(text, /^enigma_relay_request_duration_seconds_count\{route="push",status="2xx"\} 1$/m);
  await relay.stop();
  await assert.rejects(fetch(`${relay.metricsUrl}`));
  assert.equal((await startTestRelay(t)).metricsUrl, undefined);
});

test('clients that come and go as they please leave no trace in the log', async (t) => {
  const { log, lines } = recordingLog();
  const relay = await startTestRelay(t, {}, { log });
  const large = request('/push', JSON.stringify({ ...message(1), ciphertext_b64: 'QUJD'.repeat(500_000) }));
  await leave(t, relay, large);
  await leave(t, relay, large.slice(0, -1_000));
  await leave(t, relay, request('/pull', '{"recipient":"alice"}').repeat(20));
  await leave(t, relay, 'POST /pull HTTP/1.1\r\nho');
  await leave(t, relay, '');
  const connection = await connectRaw(t, relay);
  connection.send(health);
  assert.equal((await connection.answer()).status, 200);
  assert.deepEqual(lines, []);
});

/** Sends this and goes away, half of the times with a reset. */
async function leave(t: TestContext, relay: Relay, bytes: string): Promise<void> {
  for (let number = 0; number < 10; number++) {
    const { socket } = await connectRaw(t, relay);
    await new Promise((resolve) => socket.write(bytes, resolve));
    if (number % 2 === 0) socket.destroy();
    else socket.resetAndDestroy();
  }
}

/** What was logged above debug. */
function recordingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const record = (_fields: object, line: string): number => lines.push(line);
  return { log: { ...silentLog, warn: record, error: record }, lines };
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}
