import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startRelay } from '../src/relay.ts';
import { message, post, testConfig } from './helpers.ts';
import { lineWith, makeDirectory, spawnProgram, urlOfProgram } from './program.ts';
import { RawConnection, request } from './raw.ts';

/** Of loopback, but not where the relay listens; other systems than Linux have the one address only. */
const CLIENT = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
const CONFIG = `
storage.path = "store"
relay = { max_messages_per_user = 2, max_message_bytes = 9 }
rate_limit = { burst = 20, per_ip_rps = 1, ban_after = 1 }
metrics = { enabled = true, address = "127.0.0.1:0" }
`;

const [first, second, third] = [1, 2, 3].map((number) => JSON.stringify(message(number)));
const id = message(1).message_id;
const credentials = [
  'authorization: Basic c2VjcmV0OnNlY3JldA==',
  'x-forwarded-for: 203.0.113.9',
  'cookie: secret',
];
const zipped = gzipSync(String(first)).toString('latin1');

/** What clients do that is right, and that is wrong, with the status that it is answered with. */
const talk: readonly (readonly [number, string])[] = [
  [200, request('/push', first, credentials)],
  [200, request('/push', first)],
  [200, request('/push', second, ['content-encoding: identity'])],
  [409, request('/push', third)],
  [400, request('/push', String(third).replace('c2VhbGVk', 'c2VhbGVkc2VhbGVk'))],
  [400, request('/push', `${third}c2VhbGVk`)],
  [200, request('/push', zipped, ['content-encoding: gzip'])],
  [400, request('/push', zipped.slice(0, -9), ['content-encoding: gzip'])],
  [413, request('/push', 'alice', [], 900_000_000).slice(0, -5)],
];
const more: readonly (readonly [number, string])[] = [
  [200, request('/pull', '{"recipient":"alice"}')],
  [400, request('/pull', '{"recipient":"alice","cursor":"YWxpY2U6eA=="}')],
  [200, request('/ack', `{"recipient":"alice","ack":[{"message_id":"${id}","chunk_index":0}]}`, credentials)],
  [404, request('/alice?secret=c2VhbGVk', 'alice')],
  [400, 'GET /alice HTTP/1.1\r\nhost: alice\r\ncontent-length: alice\r\n\r\n'],
];

test('no secret, client, recipient or payload is in what the program logs by default, or in its metrics', async (t) => {
  const directory = await makeDirectory(t);
  await writeFile(join(directory, 'relay.toml'), CONFIG);
  const program = spawnProgram(t, ['--config', 'relay.toml'], { cwd: directory });
  let log = '';
  program.stderr.on('data', (piece) => {
    log += piece;
  });
  const listening = lineWith(program.stderr, 'the relay is listening');
  const { hostname, port } = new URL(await urlOfProgram(program));
  const { metrics } = JSON.parse(await listening);
  for (const requests of [talk, more]) {
    const connection = new RawConnection(
      connect({ host: hostname, port: Number(port), localAddress: CLIENT }),
    );
    t.after(() => connection.socket.destroy());
    for (const [status, bytes] of requests) {
      connection.send(Buffer.from(bytes, 'latin1'));
      const answer = await connection.answer();
      assert.equal(answer.status, status, `${bytes}: ${answer.body}`);
    }
  }
  while (
    (await post({ baseUrl: `http://${hostname}:${port}` }, '/pull', { recipient: 'alice' })).status !== 429
  );
  const scraped = await (await fetch(metrics)).text();
  program.kill('SIGTERM');
  await once(program, 'close');

  assert.match(scraped, /^enigma_relay_push_stored_total 2$/m);
  const secrets = new RegExp(
    `alice|secret|c2V|sealed|203\\.0\\.113\\.9|${CLIENT.replaceAll('.', '\\.')}|${id}`,
    'i',
  );
  assert.doesNotMatch(log, secrets);
  assert.doesNotMatch(scraped, secrets);
});

test('the store is for its owner only', { skip: process.platform === 'win32' }, async (t) => {
  const path = join(await makeDirectory(t), 'store');
  const relay = await startRelay({ ...testConfig, storage: { kind: 'disk', path } });
  await post(relay, '/push', message(1));
  await relay.stop();
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  for (const name of await readdir(path))
    assert.equal((await stat(join(path, name))).mode & 0o777, 0o600, name);
});
