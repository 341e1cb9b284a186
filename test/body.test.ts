import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { refusal } from '../src/api.ts';
import { RelayError } from '../src/errors.ts';
import { compressed, connectRaw, errorCode, request } from './raw.ts';
import { MIB, startReader } from './reader.ts';

const encoders = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync };
const encodings = Object.keys(encoders) as (keyof typeof encoders)[];

test('a body is whole however it is cut', async (t) => {
  const server = await startReader(t, MIB);
  const connection = await connectRaw(t, server);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 6 }), async (lengths) => {
      const total = lengths.reduce((sum, length) => sum + length, 0);
      connection.send(request('/push', '', [], total));
      for (const length of lengths) {
        connection.send('x'.repeat(length));
        await new Promise(setImmediate);
      }
      assert.equal((await connection.answer()).body.toString(), String(total));
      connection.send(request('/push', '', ['transfer-encoding: chunked']));
      for (const length of [...lengths, 0]) {
        connection.send(`${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`);
        await new Promise(setImmediate);
      }
      assert.equal((await connection.answer()).body.toString(), String(total));
    }),
    { numRuns: 30 },
  );
});

test('a chunked body may have exactly the limit, and not a byte more', async (t) => {
  const server = await startReader(t, 100_000);
  const connection = await connectRaw(t, server);
  const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`;
  connection.send(request('/push', `${chunk}${chunk}0\r\n\r\n`, ['transfer-encoding: chunked']));
  assert.equal((await connection.answer()).body.toString(), '100000');
  connection.send(request('/push', `${chunk}${chunk}1\r\nx\r\n`, ['transfer-encoding: chunked']));
  const refused = await connection.answer();
  assert.equal(refused.status, 413);
  assert.equal(errorCode(refused), 'payload_too_large');
  connection.socket.destroy();
});

test('a body of which each byte comes by itself takes no more memory than its bytes', async (t) => {
  const connection = await connectRaw(t, await startReader(t, MIB));
  const before = process.resourceUsage().maxRSS;
  connection.send(request('/push', `${'1\r\nx\r\n'.repeat(MIB)}0\r\n\r\n`, ['transfer-encoding: chunked']));
  assert.equal((await connection.answer()).body.toString(), String(MIB));
  const mib = (process.resourceUsage().maxRSS - before) / 1_024;
  // An object for each takes 370.
  assert.ok(mib < 200, `${mib} MiB`);
});

for (const encoding of encodings) {
  const encode = encoders[encoding];

  test(`a body in ${encoding} is inflated, up to the limit`, async (t) => {
    const connection = await connectRaw(t, await startReader(t, 100_000));
    connection.send(compressed(encoding, encode(Buffer.alloc(100_000, 'abc'))));
    assert.equal((await connection.answer()).body.toString(), '100000');
    connection.send(compressed(encoding, encode(Buffer.alloc(100_001, 'abc'))));
    assert.equal(errorCode(await connection.answer()), 'payload_too_large');
    connection.send(compressed(encoding, encode(Buffer.alloc(5_000_000))));
    assert.equal(errorCode(await connection.answer()), 'payload_too_large');
    connection.send(compressed(encoding, encode(Buffer.alloc(0))));
    assert.equal((await connection.answer()).body.toString(), '0');
  });

  test(`a body in ${encoding} that is cut, damaged, empty or followed by more is refused`, async (t) => {
    const connection = await connectRaw(t, await startReader(t, 100_000));
    const whole = encode(Buffer.from('a body that is long enough to be cut somewhere'));
    const bodies = [
      whole.subarray(0, -1),
      whole.subarray(0, 3),
      Buffer.from('{"recipient":"alice"}'),
      Buffer.alloc(0),
      Buffer.concat([whole, Buffer.from('x')]),
      Buffer.concat([whole, Buffer.alloc(4)]),
    ];
    for (const body of bodies) {
      connection.send(compressed(encoding, body));
      const refused = await connection.answer();
      assert.equal(refused.status, 400);
      assert.equal(errorCode(refused), 'invalid_input');
    }
  });
}

test('a small body that was refused and does not come ends its connection in time', async (t) => {
  const server = await startReader(t, MIB, {
    ready: Promise.resolve(refusal(new RelayError('storage_error'))),
    timeouts: { headMs: 200, requestMs: 200 },
  });
  const connection = await connectRaw(t, server);
  connection.send(request('/pull', 'abc', [], 4));
  assert.equal((await connection.answer()).status, 503);
  assert.equal(await connection.ended(), '');
});

for (const [what, bytes] of [
  ['a head', 'POST /pull HT'],
  ['a body', request('/push', 'abc', [], 4)],
  ['a chunked body', request('/push', '3\r\nab', ['transfer-encoding: chunked'])],
] as const) {
  test(`${what} that does not come in time is answered 408`, async (t) => {
    const server = await startReader(t, MIB, { timeouts: { headMs: 100, requestMs: 200 } });
    const connection = await connectRaw(t, server);
    connection.send(bytes);
    const refused = await connection.answer();
    assert.equal(refused.status, 408);
    assert.equal(errorCode(refused), 'invalid_input');
    connection.socket.end();
    assert.equal(await connection.ended(), '');
  });
}
