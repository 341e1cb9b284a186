import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bodyBytesMax, routes } from '../src/api.ts';
import { resolveConfig } from '../src/config.ts';
import { systemClock } from '../src/stores/store.ts';
import { message, startTestRelay, testConfig } from './helpers.ts';
import { connectRaw, errorCode, health, request } from './raw.ts';

const pull = '{"recipient":"alice"}';

/** A request with just these headers besides Host and Content-Length. */
function bare(body: string, ...headers: string[]): string {
  const head = ['POST /pull HTTP/1.1', 'host: relay', `content-length: ${body.length}`, ...headers];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

test('paths are exact, without their query, and without the scheme and host of an absolute target', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const found = [
    '/pull',
    '/pull?',
    '/pull?a=/b?c',
    'http://relay/pull',
    'HTTP://u:p@[::1]:1/pull?x',
    'https://relay:8/pull',
  ];
  for (const target of found) {
    connection.send(request(target, pull));
    assert.equal((await connection.answer()).status, 200, target);
  }
  const unknown = [
    '/',
    '/PULL',
    '/Pull',
    '/pull/',
    '//pull',
    '/a/pull',
    '/pull/a',
    '/pul%6c',
    '/pull;a',
    '/pull%3f',
    '/%2fpull',
  ];
  for (const target of [
    ...unknown,
    'http://relay',
    'http://relay/',
    'http://relay//pull',
    'http://relay/a/pull',
    'http://relay?/pull',
  ]) {
    connection.send(request(target, pull));
    const answer = await connection.answer();
    assert.equal(answer.status, 404, target);
    assert.deepEqual(JSON.parse(answer.body.toString()), {
      error: { code: 'not_found', message: 'not found' },
    });
  }
});

test('another method is not found', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  for (const line of [
    'GET /push',
    'PUT /push',
    'DELETE /ack',
    'PATCH /pull',
    'OPTIONS /pull',
    'POST /health',
    'POST /stats',
    'PURGE /health',
  ]) {
    connection.send(`${line} HTTP/1.1\r\nhost: relay\r\ncontent-length: 0\r\n\r\n`);
    assert.equal(errorCode(await connection.answer()), 'not_found', line);
  }
});

test('types of JSON are accepted in any letter case, with any charset', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const json = [
    'application/json',
    'Application/JSON',
    'text/json',
    'application/json; charset=latin1',
    'application/json ;charset="x"',
    'application/problem+json',
    'IMAGE/a.b+JSON;charset=utf-8',
    'application/json;',
  ];
  for (const type of json) {
    connection.send(bare(pull, `content-type: ${type}`));
    assert.equal((await connection.answer()).status, 200, type);
  }
  for (const type of [
    '',
    'text/plain',
    'application/jsonp',
    'application/json+x',
    'json',
    'application/x-www-form-urlencoded',
    'application/json charset=utf-8',
    'application/json, text/plain',
    'application',
    'a/b c+json',
    'application/ json',
    '/json',
    'image/json',
  ]) {
    connection.send(bare(pull, `content-type: ${type}`));
    assert.equal(errorCode(await connection.answer()), 'invalid_input', type);
  }
  connection.send(bare(pull));
  assert.equal(errorCode(await connection.answer()), 'invalid_input');
});

test('content encodings are known in any letter case, one at a time', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const zipped = gzipSync(pull).toString('latin1');
  for (const [encoding, body] of [
    ['identity', pull],
    ['IDENTITY', pull],
    ['gzip', zipped],
    ['GZip', zipped],
  ] as const) {
    connection.send(Buffer.from(request('/pull', body, [`content-encoding: ${encoding}`]), 'latin1'));
    assert.equal((await connection.answer()).status, 200, encoding);
  }
  for (const encoding of [
    'zstd',
    'x-gzip',
    'compress',
    'gzip, gzip',
    'identity, gzip',
    'gzip,',
    'gzip\r\ncontent-encoding: gzip',
    '*',
  ]) {
    connection.send(Buffer.from(request('/pull', zipped, [`content-encoding: ${encoding}`]), 'latin1'));
    assert.equal(errorCode(await connection.answer()), 'invalid_input', encoding);
  }
});

test('route, rate, type, encoding and length are checked in this order, before the body', async (t) => {
  const rateLimit = { ...testConfig.rateLimit, enabled: true, burst: 3 };
  // No time passes: however slow the machine is, no token comes back.
  const relay = await startTestRelay(t, { rateLimit }, { clock: { ...systemClock, monotonicMs: () => 0 } });
  const wrong = ['content-type: text/plain', 'content-encoding: zip', 'content-length: 11250353'];
  const json = 'content-type: application/json';
  const head = (target: string, headers: string[]) =>
    `POST ${target} HTTP/1.1\r\nhost: r\r\n${headers.join('\r\n')}\r\n\r\n`;
  for (const [target, headers, status, message] of [
    ['/nowhere', wrong, 404, /^not found$/],
    ['/push', wrong, 400, /^content-type/],
    ['/push', [json, ...wrong.slice(1)], 400, /^content-encoding/],
    ['/push', [json, ...wrong.slice(2)], 413, /^payload too large$/],
    ['/push', wrong, 429, /^rate limit exceeded$/],
    ['/nowhere', wrong, 404, /^not found$/],
  ] as const) {
    const connection = await connectRaw(t, relay);
    connection.send(head(target, [...headers]));
    const answer = await connection.answer();
    assert.equal(answer.status, status);
    assert.match(JSON.parse(answer.body.toString()).error.message, message);
    assert.equal(answer.headers.has('retry-after'), status === 429);
    if (status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
    connection.socket.destroy();
  }
});

test('the limit of a body is that of its payload in base64 and 64 KiB, never below 2 MiB', () => {
  const limit = (maxMessageBytes: number) => bodyBytesMax(resolveConfig({ relay: { maxMessageBytes } }));
  assert.equal(limit(8_388_608), 11_250_348);
  assert.equal(limit(1), 2_097_152);
  assert.equal(limit(1_523_712), 2_097_152);
  assert.equal(limit(1_523_713), 2_097_156);
  assert.equal(limit(Number.MAX_SAFE_INTEGER), 268_435_456);
});

test('a body of exactly the limit is read, compressed or not, and one byte more is refused', async (t) => {
  const relay = await startTestRelay(t, { relay: { ...testConfig.relay, maxMessageBytes: 1 } });
  const padded = pull.padEnd(2_097_152);
  const connection = await connectRaw(t, relay);
  connection.send(request('/pull', padded));
  assert.equal((await connection.answer()).status, 200);
  connection.send(
    Buffer.from(request('/pull', gzipSync(padded).toString('latin1'), ['content-encoding: gzip']), 'latin1'),
  );
  assert.equal((await connection.answer()).status, 200);
  connection.send(
    Buffer.from(
      request('/pull', gzipSync(`${padded} `).toString('latin1'), ['content-encoding: gzip']),
      'latin1',
    ),
  );
  assert.equal((await connection.answer()).status, 413);
  const refused = await connectRaw(t, relay);
  refused.send(request('/pull', `${padded} `));
  assert.equal(errorCode(await refused.answer()), 'payload_too_large');
});

test('a fault of the store is an internal error that shows nothing and is logged once', async (t) => {
  const logged: object[] = [];
  const ignore = (): void => {};
  const log = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => logged.push(fields) };
  const fail = async (): Promise<never> => {
    throw new Error('secret');
  };
  const figures = () => ({ messages: 0, bytes: 0, mailboxes: 0, memories: 0, sweepLagMs: 0 });
  const store = { push: fail, pull: fail, ack: fail, sweep: async () => 0, figures, close: async () => {} };
  const connection = await connectRaw(t, await startTestRelay(t, {}, { store, log }));
  connection.send(`${request('/push', JSON.stringify(message(1)))}${health}`);
  const answer = await connection.answer();
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    error: { code: 'internal_error', message: 'internal error' },
  });
  assert.equal((await connection.answer()).status, 200);
  assert.equal(logged.length, 1);
});

test('docs/protocol.md has a section for every route, and none besides', async () => {
  const page = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^## `([A-Z]+ \/\S+)`$/gm)].map(([, route]) => route);
  assert.deepEqual(documented.sort(), [...routes].map(([path, { method }]) => `${method} ${path}`).sort());
});
