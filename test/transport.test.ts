import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { message, startTestRelay } from './helpers.ts';
import { connectRaw, errorCode, health, request, roundTrips } from './raw.ts';
import { startReaderWithGate } from './reader.ts';

const emptyPull = request('/pull', '{"recipient":"alice"}');

test('pipelined requests are answered in their order', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const pushes = Array.from({ length: 50 }, (_, number) => request('/push', JSON.stringify(message(number))));
  connection.send(`${pushes.join('')}${request('/nowhere')}${health}${emptyPull}`);
  for (const number of pushes.keys()) {
    const { body } = await connection.answer();
    assert.equal(JSON.parse(body.toString()).queue_len, number + 1);
  }
  assert.equal((await connection.answer()).status, 404);
  assert.equal((await connection.answer()).body.toString(), '{"status":"ok"}');
  assert.equal(JSON.parse((await connection.answer()).body.toString()).items.length, 50);
});

test('thousands of pipelined requests are answered', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(health.repeat(3_000));
  for (let number = 0; number < 3_000; number++) assert.equal((await connection.answer()).status, 200);
});

test('a client that has closed its side still gets the answer to what it sent', async (t) => {
  const { server, open } = await startReaderWithGate(t);
  const connection = await connectRaw(t, server);
  connection.socket.end(request('/pull', 'abc'));
  await roundTrips(t, server);
  open();
  assert.equal((await connection.answer()).body.toString(), '3');
  assert.equal(await connection.ended(), '');
});

test('what is malformed is answered after the request before it, however long that takes', async (t) => {
  const { server, open } = await startReaderWithGate(t);
  const connection = await connectRaw(t, server);
  connection.send(`${request('/pull', 'abc')}garbage\r\n\r\n`);
  await roundTrips(t, server);
  open();
  assert.equal((await connection.answer()).body.toString(), '3');
  assert.equal((await connection.answer()).status, 400);
  connection.socket.end();
  assert.equal(await connection.ended(), '');
});

test('nothing is answered after a request that asked for the end of the connection', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(`GET /health HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n${health}`);
  assert.equal((await connection.answer()).headers.get('connection'), 'close');
  assert.equal(await connection.ended(), '');
});

test('a refusal is sent though the body that it does not want is malformed', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(`${request('/nowhere', '', ['transfer-encoding: chunked'])}no chunk\r\n`);
  assert.equal((await connection.answer()).status, 404);
  assert.equal(await connection.ended(), '');
});

test('a client that pipelines is not read on while its first answer is not out', async (t) => {
  const { server, open } = await startReaderWithGate(t);
  const connection = await connectRaw(t, server);
  let flushed = false;
  const requests = request('/', 'x'.repeat(1_000)).repeat(24_000);
  connection.send(request('/pull', 'abc'));
  connection.socket.write(requests, () => {
    flushed = true;
  });
  await roundTrips(t, server);
  assert.equal(flushed, false);
  open();
  assert.equal((await connection.answer()).body.toString(), '3');
  assert.equal((await connection.answer()).body.toString(), '1000');
  connection.socket.destroy();
});

for (const [what, bytes] of [
  ['HEAD', 'HEAD /health HTTP/1.1\r\nhost: relay\r\n\r\n'],
  ['OPTIONS', 'OPTIONS * HTTP/1.1\r\nhost: relay\r\n\r\n'],
  ['PUT with a body', 'PUT /push HTTP/1.1\r\nhost: relay\r\ncontent-length: 3\r\n\r\nabc'],
  ['a chunked body', request('/no', '3\r\nabc\r\n0\r\n\r\n', ['transfer-encoding: chunked'])],
] as const) {
  test(`the connection goes on after a 404 for ${what}`, async (t) => {
    const connection = await connectRaw(t, await startTestRelay(t));
    connection.send(bytes);
    const refused = await connection.answer({ body: what !== 'HEAD' });
    assert.equal(refused.status, 404);
    assert.equal(refused.headers.get('content-type'), 'application/json');
    connection.send(health);
    assert.equal((await connection.answer()).status, 200);
  });
}

test('a request to upgrade is a plain request', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send('GET /health HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  assert.equal((await connection.answer()).status, 200);
});

for (const [what, headers] of [
  ['plain', []],
  ['compressed when answered', ['accept-encoding: gzip']],
  ['to upgrade', ['connection: upgrade', 'upgrade: h2c']],
] as const) {
  for (const length of [1_000, 3_000_000]) {
    test(`a request of ${length} bytes, ${what}, that its client ends early is refused at once`, async (t) => {
      const connection = await connectRaw(t, await startTestRelay(t));
      connection.socket.end(request('/push', '{"recipient":', headers, length));
      const answer = await connection.answer();
      assert.equal(answer.status, 400);
      assert.equal(errorCode(answer), 'invalid_input');
      assert.equal(await connection.ended(), '');
    });
  }
}

test('CONNECT is not found, after the answers before it', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(`${emptyPull}${emptyPull}CONNECT relay:1 HTTP/1.1\r\nhost: relay:1\r\n\r\n`);
  assert.equal((await connection.answer()).status, 200);
  assert.equal((await connection.answer()).status, 200);
  const refused = await connection.answer();
  assert.equal(refused.status, 404);
  assert.equal(errorCode(refused), 'not_found');
  connection.socket.end();
  assert.equal(await connection.ended(), '');
});

test('CONNECT cuts no answer before it short', async (t) => {
  const relay = await startTestRelay(t);
  const connection = await connectRaw(t, relay);
  const long = { ...message(1), ciphertext_b64: 'QUJD'.repeat(1_400_000) };
  connection.send(request('/push', JSON.stringify(long)));
  assert.equal((await connection.answer()).status, 200);
  const pull = request('/pull', '{"recipient":"alice"}', ['accept-encoding: identity']);
  connection.send(`${pull}${pull}CONNECT relay:1 HTTP/1.1\r\nhost: relay:1\r\n\r\n`);
  for (let page = 0; page < 2; page++) {
    const { body } = await connection.answer();
    assert.equal(JSON.parse(body.toString()).items[0].ciphertext_b64.length, 5_600_000);
  }
  assert.equal((await connection.answer()).status, 404);
  connection.socket.end();
  assert.equal(await connection.ended(), '');
});

const manyHeaders = Array.from({ length: 5_000 }, (_, number) => `x-${number}: 1`).join('\r\n');

for (const [what, status, bytes] of [
  ['garbage', 400, '\u0001\u0002garbage\r\n\r\n'],
  ['TLS', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['an unknown method', 400, 'PUSH /push HTTP/1.1\r\nhost: relay\r\n\r\n'],
  ['no Host', 400, 'GET /health HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, request('/pull', '{"recipient":"alice"}', ['host: other'])],
  ['two Hosts in HTTP/1.0', 400, 'GET /health HTTP/1.0\r\nhost: relay\r\nhost: relay\r\n\r\n'],
  [
    'two lengths',
    400,
    request('/push', '3\r\nabc\r\n0\r\n\r\n', ['transfer-encoding: chunked', 'content-length: 3']),
  ],
  ['a negative length', 400, request('/push', '', ['content-length: -1'])],
  ['malformed chunks', 400, request('/push', 'zz\r\nabc\r\n', ['transfer-encoding: chunked'])],
  ['a huge header', 431, `GET /health HTTP/1.1\r\nhost: relay\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
  ['a flood of headers', 431, `GET /health HTTP/1.1\r\nhost: relay\r\n${manyHeaders}\r\n\r\n`],
  ['a coding besides chunked', 400, request('/push', '0\r\n\r\n', ['transfer-encoding: gzip, chunked'])],
  ['an unknown expectation', 417, request('/push', '', ['expect: 200-ok'])],
  ['an expectation of more', 417, request('/push', '', ['expect: 100-continue, more'])],
] as const) {
  test(`${what}: answered ${status} as JSON, after the answers before it, and closed`, async (t) => {
    const connection = await connectRaw(t, await startTestRelay(t));
    connection.send(Buffer.from(`${emptyPull}${emptyPull}${bytes}`, 'latin1'));
    assert.equal((await connection.answer()).status, 200);
    assert.equal((await connection.answer()).status, 200);
    const refused = await connection.answer();
    assert.equal(refused.status, status);
    assert.equal(errorCode(refused), 'invalid_input');
    assert.equal(refused.headers.get('connection'), 'close');
    connection.socket.end();
    assert.equal(await connection.ended(), '');
  });
}

test('HTTP/1.0 is answered and closed, without a Host too', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send('GET /health HTTP/1.0\r\n\r\n');
  assert.equal((await connection.answer()).body.toString(), '{"status":"ok"}');
  assert.equal(await connection.ended(), '');
});

test('a client is told to send its body once its head was admitted, and not before', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const body = '{"recipient":"alice"}';
  connection.send(request('/pull', '', ['expect: 100-continue'], body.length));
  assert.equal((await connection.answer({ body: false })).status, 100);
  connection.send(body);
  assert.equal((await connection.answer()).status, 200);
  connection.send(request('/nowhere', '', ['expect: 100-continue'], body.length));
  assert.equal((await connection.answer()).status, 404);
});

test('a refused client gets its answer though it goes on sending, and then the connection ends', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  const length = 4_000_000;
  connection.send(request('/nowhere', '', [], length));
  const refused = await connection.answer();
  assert.equal(refused.status, 404);
  assert.equal(refused.headers.get('connection'), 'close');
  connection.send(Buffer.alloc(length));
  assert.equal(await connection.ended(), '');
});

test('a chunked body that goes on and on after its refusal ends the connection', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(request('/nowhere', '', ['transfer-encoding: chunked']));
  assert.equal((await connection.answer()).status, 404);
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const sendMore = (): void => {
    while (connection.socket.write(chunk));
  };
  connection.socket.on('drain', sendMore);
  sendMore();
  await connection.ended();
});

for (const [encoding, decompress] of [
  ['gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['deflate', inflateSync],
] as const) {
  test(`a page is compressed with ${encoding} for a client that asks for it`, async (t) => {
    const connection = await connectRaw(t, await startTestRelay(t));
    connection.send(
      request('/push', JSON.stringify({ ...message(1), ciphertext_b64: 'QUJD'.repeat(1_000) })),
    );
    await connection.answer();
    connection.send(request('/pull', '{"recipient":"alice"}', [`accept-encoding: x, ${encoding};q=0.5`]));
    const { headers, body } = await connection.answer();
    assert.equal(headers.get('content-encoding'), encoding);
    assert.equal(JSON.parse(decompress(body).toString()).items.length, 1);
  });
}

test('a page is sent as it is to a client that asks for nothing, or for what we have not', async (t) => {
  const connection = await connectRaw(t, await startTestRelay(t));
  connection.send(request('/push', JSON.stringify({ ...message(1), ciphertext_b64: 'QUJD'.repeat(1_000) })));
  await connection.answer();
  for (const header of [
    [],
    ['accept-encoding:'],
    ['accept-encoding: zstd, identity;q=0'],
    ['accept-encoding: gzip;q=0'],
  ]) {
    connection.send(request('/pull', '{"recipient":"alice"}', header));
    const { status, headers, body } = await connection.answer();
    assert.equal(status, 200);
    assert.equal(headers.get('content-encoding'), undefined);
    assert.equal(JSON.parse(body.toString()).items.length, 1);
  }
});
