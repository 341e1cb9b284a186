import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../src/log.ts';
import { Counters, createMetrics, type Metrics } from '../src/metrics.ts';
import { startMetricsListener } from '../src/metrics-listener.ts';
import type { StoreFigures } from '../src/stores/store.ts';

const disk = {
  fileBytes: 4096,
  segments: 2,
  batches: 3,
  flushSeconds: 0.5,
  flushFailures: 1,
  damaged: 4,
  backlogBytes: 5,
  full: true,
  broken: false,
};
const figures: StoreFigures = { messages: 7, bytes: 70, mailboxes: 6, memories: 8, sweepLagMs: 1500, disk };

function newMetrics(counters = new Counters(), of: StoreFigures = figures): Metrics {
  return createMetrics(counters, { figures: () => of });
}

async function listen(t: TestContext, { registry }: Metrics) {
  const listener = await startMetricsListener('127.0.0.1:0', registry, silentLog);
  t.after(() => listener.stop());
  return listener;
}

test('docs/metrics.md tells every metric, its type and its sentence, and none besides', async () => {
  const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \|$/gm)].map((cells) => cells.slice(1, 4));
  const metrics = await newMetrics().registry.getMetricsAsJSON();
  const real = metrics.map(({ name, type, help }) => [name, String(type), help]);
  assert.deepEqual(told.sort(), real.sort());
});

test('docs/operating.md alerts on metrics that there are', async () => {
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const used = page.match(/\b(?:enigma_relay|process|nodejs)_[a-z_]+\b/g) ?? [];
  const real = (await newMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
  assert.ok(used.length > 10);
  for (const name of used) assert.ok(real.includes(name.replace(/_(?:bucket|count)$/, '')), name);
});

test('a scrape shows the counters as they are then', async () => {
  const counters = new Counters();
  const { registry } = newMetrics(counters);
  await registry.metrics();
  counters.pushTotal = 3;
  counters.gcRemoved += 2;
  const text = await registry.metrics();
  assert.match(text, /^enigma_relay_push_total 3$/m);
  assert.match(text, /^enigma_relay_gc_removed_total 2$/m);
});

test('a scrape shows the figures of the store, in seconds and bytes', async () => {
  const text = await newMetrics().registry.metrics();
  assert.match(text, /^enigma_relay_messages 7$/m);
  assert.match(text, /^enigma_relay_payload_bytes 70$/m);
  assert.match(text, /^enigma_relay_sweep_lag_seconds 1.5$/m);
  assert.match(text, /^enigma_relay_store_file_bytes 4096$/m);
  assert.match(text, /^enigma_relay_store_flush_seconds_total 0.5$/m);
});

test('a store without a disk has no figures of one', async () => {
  const { disk: _, ...inMemory } = figures;
  const text = await newMetrics(new Counters(), inMemory).registry.metrics();
  assert.match(text, /^enigma_relay_messages 7$/m);
  assert.doesNotMatch(text, /enigma_relay_store_/);
});

test('latencies are told apart by route and class of status', async () => {
  const { registry, observe } = newMetrics();
  observe('pull', 200, 0.002);
  observe('pull', 200, 0.004);
  observe('pull', 429, 0.001);
  observe('other', 404, 0.001);
  const text = await registry.metrics();
  const name = 'enigma_relay_request_duration_seconds';
  assert.match(text, new RegExp(`^${name}_bucket{le="0.0025",route="pull",status="2xx"} 1$`, 'm'));
  assert.match(text, new RegExp(`^${name}_count{route="pull",status="2xx"} 2$`, 'm'));
  assert.match(text, new RegExp(`^${name}_count{route="pull",status="4xx"} 1$`, 'm'));
  assert.match(text, new RegExp(`^${name}_count{route="other",status="4xx"} 1$`, 'm'));
});

test('two relays in one process count apart', async () => {
  const counters = new Counters();
  const first = newMetrics(counters);
  const second = newMetrics();
  counters.ackTotal = 9;
  assert.match(await first.registry.metrics(), /^enigma_relay_ack_total 9$/m);
  assert.match(await second.registry.metrics(), /^enigma_relay_ack_total 0$/m);
});

test('the listener serves GET /metrics as Prometheus text', async (t) => {
  const { url } = await listen(t, newMetrics());
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(await response.text(), /^process_resident_memory_bytes [1-9]\d+$/m);
});

test('the listener answers everything else with 404 as JSON', async (t) => {
  const { url } = await listen(t, newMetrics());
  for (const [path, method] of [
    [url, 'POST'],
    [new URL('/', url), 'GET'],
    [`${url}/`, 'GET'],
  ] as const) {
    const response = await fetch(path, { method });
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), { error: { code: 'not_found', message: 'not found' } });
  }
});

test('a figure that cannot be read is an internal error, with nothing of it shown, and is logged', async (t) => {
  let broken = false;
  const { registry } = createMetrics(new Counters(), {
    figures: () => (broken ? assert.fail('secret') : figures),
  });
  broken = true;
  const lines: string[] = [];
  const log = { ...silentLog, error: (_: object, text: string) => void lines.push(text) };
  const listener = await startMetricsListener('127.0.0.1:0', registry, log);
  t.after(() => listener.stop());
  const response = await fetch(listener.url);
  assert.equal(response.status, 500);
  assert.deepEqual(await response.json(), { error: { code: 'internal_error', message: 'internal error' } });
  assert.deepEqual(lines, ['metrics could not be read']);
});

test('the listener stops at once though a client holds a connection', async (t) => {
  const { url, stop } = await listen(t, newMetrics());
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n');
  await once(socket, 'data');
  const ended = once(socket, 'close');
  await stop();
  await ended;
});

test('an address that is taken is a config_error that names the key', async (t) => {
  const taken = new URL((await listen(t, newMetrics())).url).host;
  await assert.rejects(startMetricsListener(taken, newMetrics().registry, silentLog), {
    code: 'config_error',
    message: /^metrics\.address "127\.0\.0\.1:\d+" cannot be listened on/,
  });
});
