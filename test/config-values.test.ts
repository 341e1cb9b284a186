import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig, parseToml, resolveConfig } from '../src/config.ts';
import { refusal, refusalOf } from './config-refusal.ts';

test('a float is a wrong value, even 1.0', () => {
  assert.match(refusalOf('[relay]\npull_batch_max = 1.0'), /found 1\.0$/);
  assert.match(refusalOf('[rate_limit]\nburst = 1e3'), /found 1000\.0$/);
  assert.match(refusalOf('[relay]\nmessage_ttl_seconds = inf'), /found Infinity$/);
  assert.match(
    refusal(() => resolveConfig({ relay: { pullBatchMax: 1.5 } })),
    /found 1\.5$/,
  );
});

test('integers up to 2^63−1 are valid for every size, count and duration', () => {
  const keys = [
    'max_message_bytes',
    'max_queue_bytes_per_user',
    'max_messages_per_user',
    'message_ttl_seconds',
    'gc_interval_seconds',
    'pull_batch_max',
    'dedup_window_seconds',
    'pull_page_bytes_max',
    'max_messages_total',
  ];
  const file = (value: bigint) =>
    `[relay]\n${keys.map((key) => `${key} = ${value}`).join('\n')}\n[rate_limit]\nban_seconds = ${value}\nban_after = ${value}`;
  const { config } = parseToml(file(2n ** 63n - 1n));
  assert.equal(config.relay.messageTtlSeconds, 2n ** 63n - 1n);
  assert.equal(config.relay.maxMessagesTotal, Number.MAX_SAFE_INTEGER);
  for (const key of keys) assert.match(refusalOf(file(2n ** 63n)), new RegExp(`relay\\.${key} must be`));
});

test('a value larger than the process can honour acts as the largest that it can', () => {
  const largest = 2n ** 63n - 1n;
  const { relay, rateLimit } = resolveConfig({
    relay: { maxMessageBytes: largest, gcIntervalSeconds: largest, dedupWindowSeconds: largest },
    rateLimit: { banSeconds: largest },
  });
  assert.equal((relay.maxMessageBytes / 3) * 4 + 65_536, 256 * 1024 * 1024);
  assert.ok(relay.gcIntervalSeconds * 1000 < 2 ** 31);
  assert.ok(Number.isSafeInteger(Date.now() + relay.dedupWindowSeconds * 1000));
  assert.ok(Number.isSafeInteger(Date.now() + rateLimit.banSeconds * 1000));
});

test('zero is allowed only for the durations that it turns off', () => {
  const zeros = { messageTtlSeconds: 0, dedupWindowSeconds: 0 };
  assert.deepEqual(resolveConfig({ relay: zeros, rateLimit: { banSeconds: 0 } }).relay, {
    ...defaultConfig.relay,
    messageTtlSeconds: 0n,
    dedupWindowSeconds: 0,
  });
  for (const key of Object.keys(defaultConfig.relay).filter((name) => !(name in zeros))) {
    assert.match(
      refusal(() => resolveConfig({ relay: { [key]: 0 } })),
      new RegExp(`relay\\.${key} must be .*found 0`),
    );
  }
  assert.match(
    refusal(() => resolveConfig({ rateLimit: { banAfter: 0 } })),
    /rateLimit\.banAfter must be/,
  );
});

test('rates of zero are refused while rate limits are on, and only then', () => {
  const zeros = 'per_ip_rps = 0\nburst = 0\n[rate_limit.endpoints]\npush_rps = 0\npull_rps = 0\nack_rps = 0';
  const message = refusalOf(`[rate_limit]\n${zeros}`);
  for (const key of [
    'per_ip_rps',
    'burst',
    'endpoints.push_rps',
    'endpoints.pull_rps',
    'endpoints.ack_rps',
  ]) {
    const refused = `rate_limit.${key} must be an integer from 1 to 4294967295 (0 only while rate limits are off), found 0`;
    assert.ok(message.includes(refused), key);
  }
  assert.equal(parseToml(`[rate_limit]\nenabled = false\n${zeros}`).config.rateLimit.burst, 0);
});

test('rates and the burst are u32', () => {
  assert.equal(resolveConfig({ rateLimit: { burst: 4_294_967_295 } }).rateLimit.burst, 4_294_967_295);
  assert.match(
    refusal(() => resolveConfig({ rateLimit: { burst: 4_294_967_296 } })),
    /rateLimit\.burst/,
  );
  assert.match(
    refusal(() => resolveConfig({ rateLimit: { endpoints: { pullRps: -1 } } })),
    /found -1$/,
  );
});

test('addresses are host:port with IPv6 in brackets', () => {
  for (const address of ['127.0.0.1:0', 'localhost:65535', '[::1]:7000', '[::]:1']) {
    assert.equal(resolveConfig({ address }).address, address);
  }
  for (const address of [
    '',
    '7000',
    ':7000',
    '::1:7000',
    '[::1]',
    '[1.2.3.4]:1',
    'a:65536',
    'a:-1',
    'a: 1',
    'http://a:1',
    'a:1/',
  ]) {
    assert.match(
      refusal(() => resolveConfig({ address })),
      /^address must be host:port/,
      address,
    );
  }
});

test('trusted proxies are addresses or CIDR blocks', () => {
  const proxies = ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '::/0'];
  assert.deepEqual(
    resolveConfig({ rateLimit: { trustedProxies: proxies } }).rateLimit.trustedProxies,
    proxies,
  );
  for (const proxy of [
    '',
    'proxy.example',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10/8',
    '10.0.0.0/8/8',
    '1.2.3.4:80',
  ]) {
    assert.match(
      refusal(() => resolveConfig({ rateLimit: { trustedProxies: [proxy] } })),
      /trustedProxies/,
      proxy,
    );
  }
  assert.match(refusalOf('[rate_limit]\ntrusted_proxies = "10.0.0.1"'), /found "10\.0\.0\.1"$/);
});
