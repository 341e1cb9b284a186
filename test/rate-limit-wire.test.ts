import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import type { RelayConfigInput } from '../src/config.ts';
import { systemClock } from '../src/stores/store.ts';
import { message, startTestRelay } from './helpers.ts';
import { connectRaw, errorCode, health, type RawAnswer, request, roundTrips } from './raw.ts';

type RateLimits = NonNullable<RelayConfigInput['rateLimit']>;

/** A connection to a relay that grants each source one request, as no time passes. */
async function connectToStrict(t: TestContext, rateLimit: RateLimits = {}, config: RelayConfigInput = {}) {
  const relay = await startTestRelay(
    t,
    {
      ...config,
      rateLimit: { enabled: true, burst: 1, perIpRps: 1, banAfter: 3, banSeconds: 77, ...rateLimit },
    },
    { clock: { ...systemClock, monotonicMs: () => 0 } },
  );
  return { relay, connection: await connectRaw(t, relay) };
}

/** What another process does. */
const pushAndReset = `
  const [, port, push] = process.argv;
  const socket = require('node:net').connect({ port, host: '127.0.0.1' });
  socket.on('connect', () => socket.write(push, () => socket.resetAndDestroy()));
`;
const withMetrics = { metrics: { enabled: true, address: '127.0.0.1:0' } };
const push = request('/push', JSON.stringify(message(1)));

function pushFor(...forwardedFor: string[]): string {
  return request(
    '/push',
    JSON.stringify(message(1)),
    forwardedFor.map((line) => `X-Forwarded-For: ${line}`),
  );
}

test('a request over the limit is answered 429 with Retry-After, and the connection goes on', async (t) => {
  const { connection } = await connectToStrict(t);
  connection.send(push);
  assert.equal((await connection.answer()).status, 200);
  connection.send(push);
  const refused = await connection.answer();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.deepEqual(JSON.parse(refused.body.toString()), {
    error: { code: 'rate_limited', message: 'rate limit exceeded' },
  });
  connection.send(health);
  assert.equal((await connection.answer()).status, 200);
});

test('who resets the connection before it is accepted escapes no limit', async (t) => {
  const { relay, connection } = await connectToStrict(t, { burst: 10 }, withMetrics);
  const pushOf = (number: number): string => request('/push', JSON.stringify(message(number)));
  for (let number = 0; number < 20; number++) {
    connection.send(pushOf(number));
    assert.equal((await connection.answer()).status, number < 10 ? 200 : 429);
  }
  // This process, and so the relay, does nothing else meanwhile.
  const { port } = new URL(relay.baseUrl);
  execFileSync(process.execPath, ['-e', pushAndReset, port, pushOf(20)]);
  await roundTrips(t, relay);
  const stats = await fetch(`${relay.baseUrl}/stats`);
  const { metrics } = (await stats.json()) as { metrics: { push_stored: number } };
  assert.equal(metrics.push_stored, 10);
});

test('what was refused is granted once the time that the refusal names has passed', async (t) => {
  let nowMs = 1_000_000;
  const rateLimit = { enabled: true, burst: 1, perIpRps: 1, banAfter: 2, banSeconds: 77 };
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const connection = await connectRaw(t, await startTestRelay(t, { rateLimit }, { clock }));
  const statusAfter = async (ms: number): Promise<number> => {
    nowMs += ms;
    connection.send(push);
    return (await connection.answer()).status;
  };
  assert.deepEqual([await statusAfter(0), await statusAfter(999), await statusAfter(1)], [200, 429, 200]);
  assert.deepEqual([await statusAfter(0), await statusAfter(0)], [429, 429]);
  assert.deepEqual([await statusAfter(76_999), await statusAfter(1)], [429, 200]);
});

test('the refusal that is one too many says how long the ban is', async (t) => {
  const { connection } = await connectToStrict(t);
  const waits: (string | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    connection.send(push);
    waits.push((await connection.answer()).headers.get('retry-after'));
  }
  assert.deepEqual(waits, [undefined, '1', '1', '77', '77']);
});

test('a refusal does not wait for the body', async (t) => {
  const { connection } = await connectToStrict(t);
  connection.send(push);
  await connection.answer();
  connection.send(request('/push', '', [], 1000));
  assert.equal(errorCode(await connection.answer()), 'rate_limited');
});

test('malformed requests count, and are refused before they are looked at', async (t) => {
  const { connection } = await connectToStrict(t);
  connection.send(request('/pull', '{'));
  assert.equal((await connection.answer()).status, 400);
  connection.send('POST /ack HTTP/1.1\r\nhost: relay\r\ncontent-length: 999999999\r\n\r\n');
  assert.equal((await connection.answer()).status, 429);
});

test('health, stats and unknown paths are not limited', async (t) => {
  const { connection } = await connectToStrict(t);
  connection.send(push + push);
  await connection.answer();
  await connection.answer();
  for (const [target, status] of [
    ['/health', 200],
    ['/stats', 200],
    ['/nowhere', 404],
  ] as const) {
    connection.send(`GET ${target} HTTP/1.1\r\nhost: relay\r\n\r\n`);
    assert.equal((await connection.answer()).status, status);
  }
});

test('clients behind a trusted proxy have a limit each, over several header lines too', async (t) => {
  const { connection } = await connectToStrict(t, { trustedProxies: ['127.0.0.0/8', '10.0.0.1'] });
  const statusOf = async (...lines: string[]): Promise<RawAnswer['status']> => {
    connection.send(pushFor(...lines));
    return (await connection.answer()).status;
  };
  assert.equal(await statusOf('192.0.2.1'), 200);
  assert.equal(await statusOf('192.0.2.2'), 200);
  assert.equal(await statusOf('192.0.2.3', '192.0.2.1', '10.0.0.1'), 429);
  assert.equal(await statusOf('192.0.2.3, 10.0.0.1'), 200);
});

test('what a trusted proxy adds counts behind any number of headers', async (t) => {
  const { connection } = await connectToStrict(t, { trustedProxies: ['127.0.0.0/8'] });
  const many = Array.from({ length: 1_100 }, () => 'a: b');
  const statuses: number[] = [];
  for (const spoofed of ['192.0.2.1', '192.0.2.2']) {
    const [head, body] = pushFor(spoofed).split('\r\n\r\n');
    connection.send([head, ...many, `X-Forwarded-For: 198.51.100.7\r\n\r\n${body}`].join('\r\n'));
    statuses.push((await connection.answer()).status);
  }
  assert.deepEqual(statuses, [200, 429]);
});

test('X-Forwarded-For of a peer that is not trusted changes nothing', async (t) => {
  const { connection } = await connectToStrict(t);
  connection.send(pushFor('192.0.2.1') + pushFor('192.0.2.2'));
  assert.equal((await connection.answer()).status, 200);
  assert.equal((await connection.answer()).status, 429);
});

test('refusals are counted where metrics are on', async (t) => {
  const metrics = { enabled: true, address: '127.0.0.1:0' };
  const { relay, connection } = await connectToStrict(t, {}, { metrics });
  connection.send(push + push + push);
  for (let i = 0; i < 3; i++) await connection.answer();
  const scraped = await (await fetch(relay.metricsUrl ?? '')).text();
  assert.match(scraped, /^enigma_relay_rate_limited_total 2$/m);
  assert.match(scraped, /^enigma_relay_request_duration_seconds_count{route="push",status="4xx"} 2$/m);
});
