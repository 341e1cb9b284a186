import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultConfig, parseToml, type RelayConfigInput, resolveConfig } from '../src/config.ts';
import { RelayError } from '../src/errors.ts';
import { listOptions } from '../src/options.ts';
import { refusal, refusalOf } from './config-refusal.ts';

const warningsOf = (toml: string) => parseToml(toml, 'relay.toml').warnings;

const oldRelayFile = `
address = "0.0.0.0:7000"
mode = "http"

[tls]
cert_pem_path = "./cert.pem"
key_pem_path = "./key.pem"

[storage]
kind = "sled"
path = "./relay_db"

[relay]
max_message_bytes = 8_388_608
max_queue_bytes_per_user = 1_073_741_824
max_messages_per_user = 200_000
message_ttl_seconds = 1_209_600
gc_interval_seconds = 60
pull_batch_max = 256

[rate_limit]
enabled = true
per_ip_rps = 20
burst = 40
ban_seconds = 300

[rate_limit.endpoints]
push_rps = 10
pull_rps = 5
ack_rps = 10
`;

test('an empty file means every default', () => {
  assert.deepEqual(parseToml(''), { config: defaultConfig, warnings: [] });
});

test('the file of an old relay works unchanged, without a warning', () => {
  const { config, warnings } = parseToml(oldRelayFile);
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    ...defaultConfig,
    address: '0.0.0.0:7000',
    tls: { certPemPath: './cert.pem', keyPemPath: './key.pem', clientCaPemPath: undefined },
  });
});

test('a byte order mark before the first key is accepted', () => {
  assert.equal(parseToml('\ufeffmode = "http"').config.mode, 'http');
});

test('broken TOML is refused with file, line and column', () => {
  assert.match(refusalOf('mode = "http"\naddress = '), /^relay\.toml:2:11: Invalid TOML/);
  assert.match(refusalOf('mode = "http"\nmode = "http"'), /^relay\.toml:2:1: /);
});

test('a wrong value is refused with its key, what is allowed and what was found', () => {
  assert.equal(
    refusalOf('[relay]\nmax_message_bytes = 0'),
    'relay.toml: relay.max_message_bytes must be an integer from 1 to 9223372036854775807, found 0',
  );
  assert.equal(
    refusalOf('[rate_limit]\nenabled = "yes"'),
    'relay.toml: rate_limit.enabled must be true or false, found "yes"',
  );
});

test('every wrong value of a file is named at once', () => {
  const message = refusalOf('mode = "HTTP"\n[relay]\npull_batch_max = "9"');
  assert.match(message, /mode must be one of "http", "tls", found "HTTP"; relay\.pull_batch_max must be /);
});

test('TLS needs both paths, and names the one that is missing', () => {
  const message = refusalOf('mode = "tls"\n[tls]\ncert_pem_path = "c.pem"');
  assert.equal(
    message,
    'relay.toml: tls.key_pem_path must be the path of a PEM file, needed in mode "tls", found nothing',
  );
  const both = 'mode = "tls"\n[tls]\ncert_pem_path = "c.pem"\nkey_pem_path = "k.pem"';
  assert.equal(parseToml(both).config.tls.keyPemPath, 'k.pem');
});

test('[tls] is not looked at in mode http', () => {
  assert.deepEqual(warningsOf('[tls]\ncert_pem_path = 3\ncolour = "red"'), []);
  assert.deepEqual(warningsOf('tls = "no"'), []);
});

test('the PostgreSQL store is not available yet', () => {
  assert.throws(() => parseToml('[storage]\nkind = "postgres"'), { code: 'feature_disabled' });
});

test('an unknown key is a warning with the nearest known name', () => {
  assert.deepEqual(warningsOf('[relay]\nmax_mesage_bytes = 1\n[rate_limits]\nburst = 1'), [
    'relay.toml: unknown key relay.max_mesage_bytes, did you mean relay.max_message_bytes? It is ignored',
    'relay.toml: unknown key rate_limits, did you mean rate_limit? It is ignored',
  ]);
  assert.match(warningsOf('[relay]\nburst = 1')[0] ?? '', /did you mean rate_limit\.burst\?/);
  assert.match(warningsOf('perIpRps = 1')[0] ?? '', /did you mean rate_limit\.per_ip_rps\?/);
  assert.deepEqual(warningsOf('colour = "red"'), ['relay.toml: unknown key colour. It is ignored']);
});

test('an unknown key in a program is refused', () => {
  const typo = { relay: { pullBatchMaximum: 3 } } as RelayConfigInput;
  assert.equal(
    refusal(() => resolveConfig(typo)),
    'unknown key relay.pullBatchMaximum, did you mean relay.pullBatchMax?',
  );
});

test('a value where a table should be is refused, and a table where a value should be', () => {
  assert.equal(refusalOf('relay = 3'), 'relay.toml: relay must be a table, found 3');
  assert.equal(refusalOf('[[relay]]\n'), 'relay.toml: relay must be a table, found [a table]');
  assert.match(refusalOf('relay = 1979-05-27'), /relay must be a table/);
  assert.match(refusalOf('[address]\nhost = "a"'), /address must be host:port, .*, found a table/);
});

test('a resolved configuration is frozen to the last table and resolves to itself', () => {
  const config = resolveConfig({ rateLimit: { trustedProxies: ['::1'] } });
  const parts: unknown[] = [
    config,
    config.relay,
    config.rateLimit.endpoints,
    config.rateLimit.trustedProxies,
  ];
  assert.ok(parts.every(Object.isFrozen));
  assert.deepEqual(resolveConfig(config), config);
});

test('whatever a file says, it is read or refused with a config_error', () => {
  const tables = ['', 'relay', 'rate_limit', 'storage', 'metrics', 'log'];
  const keys = listOptions().map(({ path }) => path.at(-1) ?? '');
  const value = fc.oneof(
    fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...keys), fc.anything(), { maxKeys: 2 }),
  );
  const table = fc.dictionary(fc.constantFrom(...keys, '__proto__'), value, { maxKeys: 4 });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...tables, ...keys), fc.oneof(value, table)), (input) => {
      try {
        resolveConfig(input as RelayConfigInput);
      } catch (error) {
        assert.ok(error instanceof RelayError, String(error));
        assert.equal(error.code, 'config_error');
      }
    }),
  );
});
