import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Relay } from '../src/relay.ts';
import { message, post, startTestRelay, testConfig } from './helpers.ts';

const on = { ...testConfig.metrics, enabled: true, address: '127.0.0.1:0' };
interface Stats {
  readonly status: string;
  readonly uptime_ms: number;
  readonly metrics: Readonly<Record<string, number>>;
}

async function get(relay: Relay, path: string): Promise<Stats> {
  const response = await fetch(`${relay.baseUrl}${path}`);
  return (await response.json()) as Stats;
}

test('health says ok and no more', async (t) => {
  assert.deepEqual(await get(await startTestRelay(t), '/health'), { status: 'ok' });
});

test('stats have the uptime in whole milliseconds, and counters only where metrics are on', async (t) => {
  const { status, uptime_ms, ...rest } = await get(await startTestRelay(t), '/stats');
  assert.equal(status, 'ok');
  assert.ok(Number.isInteger(uptime_ms) && uptime_ms >= 0);
  assert.deepEqual(rest, {});
});

test('stats count well-formed requests, refused ones too, and results', async (t) => {
  const relay = await startTestRelay(t, { metrics: on });
  const zero = {
    push_total: 0,
    push_stored: 0,
    duplicates: 0,
    pull_total: 0,
    ack_total: 0,
    ack_deleted: 0,
    rate_limited: 0,
    gc_removed: 0,
  };
  assert.deepEqual((await get(relay, '/stats')).metrics, zero);

  for (const body of [
    message(1),
    message(1),
    { ...message(2), recipient: '' },
    { ...message(2), ciphertext_b64: '*' },
  ])
    await post(relay, '/push', body);
  for (const body of ['{', { ...message(3), message_id: 'x' }, { ...message(3), recipient: 1 }])
    await post(relay, '/push', body);
  for (const body of [
    { recipient: '' },
    { recipient: 'a', cursor: '' },
    { recipient: 'a' },
    { recipient: 'a', max: -1 },
  ])
    await post(relay, '/pull', body);
  const entry = { message_id: message(1).message_id, chunk_index: 0 };
  for (const ack of [[entry], [entry], [entry.message_id]])
    await post(relay, '/ack', { recipient: 'alice', ack });
  await post(relay, '/ack', { recipient: '', ack: [] });
  await post(relay, '/push', message(1));

  const counted = {
    push_total: 5,
    push_stored: 1,
    duplicates: 2,
    pull_total: 3,
    ack_total: 3,
    ack_deleted: 1,
  };
  assert.deepEqual((await get(relay, '/stats')).metrics, { ...zero, ...counted });
});

test('what was refused for its rate counts as that only', async (t) => {
  const rateLimit = { ...testConfig.rateLimit, enabled: true, burst: 1, perIpRps: 1 };
  const relay = await startTestRelay(t, { metrics: on, rateLimit });
  await post(relay, '/pull', { recipient: 'a' });
  assert.equal((await post(relay, '/ack', { recipient: 'a', ack: [] })).status, 429);
  const { pull_total, ack_total, rate_limited } = (await get(relay, '/stats')).metrics;
  assert.deepEqual([pull_total, ack_total, rate_limited], [1, 0, 1]);
});
