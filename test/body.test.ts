import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { refusal } from '../src/api.ts';
import { RelayError } from '../src/errors.ts';
import { connectRaw, errorCode, request } from './raw.ts';
import { MIB, startReader, startReaderWithGate } from './reader.ts';

const encoders = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync };
const encodings = Object.keys(encoders) as (keyof typeof encoders)[];

/** A request with a compressed body. */
function compressed(encoding: string, body: Buffer): Buffer {
  const head = request('/push', '', [`content-encoding: ${encoding}`], body.length);
  return Buffer.concat([Buffer.from(head), body]);
}

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

test('a body is not read before there is room for what it brings', async (t) => {
  const { server, open } = await startReaderWithGate(t);
  const connection = await connectRaw(t, server);
  connection.send(request('/pull', '', ['expect: 100-continue'], 3));
  const other = await connectRaw(t, server);
  other.send(request('/push'));
  await other.answer();
  open();
  assert.equal((await connection.answer({ body: false })).status, 100);
  connection.send('abc');
  assert.equal((await connection.answer()).body.toString(), '3');
});

test('where there is no room the refusal is the answer', async (t) => {
  const refused = refusal(new RelayError('storage_error'));
  const server = await startReader(t, MIB, { ready: Promise.resolve(refused) });
  const connection = await connectRaw(t, server);
  connection.send(request('/pull', 'abc'));
  assert.equal((await connection.answer()).status, 503);
  connection.send(request('/push', 'abc'));
  assert.equal((await connection.answer()).body.toString(), '3');
});

test('large bodies wait, in order, for those before them; small ones do not', async (t) => {
  const server = await startReader(t, 200 * MIB);
  const first = await connectRaw(t, server);
  first.send(request('/push', '', ['expect: 100-continue'], 100 * MIB));
  assert.equal((await first.answer({ body: false })).status, 100);

  const small = await connectRaw(t, server);
  const began: string[] = [];
  const waiting: Promise<void>[] = [];
  for (const name of ['second', 'third', 'fourth']) {
    const connection = await connectRaw(t, server);
    connection.send(request('/push', '', ['expect: 100-continue', 'transfer-encoding: chunked']));
    waiting.push(
      connection.answer({ body: false }).then(async ({ status }) => {
        assert.equal(status, 100);
        began.push(name);
        connection.send('1\r\nx\r\n0\r\n\r\n');
        assert.equal((await connection.answer()).body.toString(), '1');
      }),
    );
    for (let number = 0; number < 10; number++) {
      small.send(request('/push', 'x'.repeat(65_536)));
      assert.equal((await small.answer()).body.toString(), '65536');
    }
  }
  assert.deepEqual(began, []);
  first.socket.destroy();
  await Promise.all(waiting);
  assert.deepEqual(began, ['second', 'third', 'fourth']);
});

test('clients that go away in the middle of large bodies leave their room to others', async (t) => {
  const server = await startReader(t, 200 * MIB);
  for (let round = 0; round < 10; round++) {
    const connections = await Promise.all(Array.from({ length: 100 }, () => connectRaw(t, server)));
    for (const connection of connections) connection.send(request('/push', 'x'.repeat(1_000), [], 100 * MIB));
    // Some of them are being read by now, others wait, and others are not even known.
    for (const connection of connections) connection.socket.destroy();
  }
  const connection = await connectRaw(t, server);
  connection.send(request('/push', 'x'.repeat(100_000)));
  assert.equal((await connection.answer()).body.toString(), '100000');
});

test('clients that go away while their large bodies wait to be read leave their room to others', async (t) => {
  const { server, open } = await startReaderWithGate(t, 200 * MIB);
  const [first, other] = [await connectRaw(t, server), await connectRaw(t, server)];
  first.send(request('/pull', '', [], 100 * MIB));
  const small = async (): Promise<void> => {
    other.send(request('/push', 'x'));
    await other.answer();
  };
  await small();
  first.socket.resetAndDestroy();
  // By the time of its answer the server has seen what came before.
  await small();
  open();
  other.send(request('/push', 'x'.repeat(50 * MIB)));
  assert.equal((await other.answer()).body.toString(), String(50 * MIB));
});

test('a large body that is being inflated keeps its room, though its client has gone', async (t) => {
  const ran: number[] = [];
  const server = await startReader(t, 200 * MIB, { onRun: (bytes) => ran.push(bytes) });
  const [first, second, small] = [
    await connectRaw(t, server),
    await connectRaw(t, server),
    await connectRaw(t, server),
  ];
  // So short that it comes with its head.
  const body = zlib.brotliCompressSync(Buffer.alloc(100 * MIB), {
    params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 },
  });
  assert.ok(body.length < 1_000);
  first.send(compressed('br', body));
  small.send(request('/push', 'x'));
  await small.answer();
  first.socket.resetAndDestroy();
  second.send(request('/push', 'x'.repeat(100_000)));
  await second.answer();
  assert.deepEqual(ran, [1, 100 * MIB, 100_000]);
});

test('the time that the relay makes a body wait is not its own', async (t) => {
  const { server, open } = await startReaderWithGate(t, 200 * MIB, { headMs: 200, requestMs: 200 });
  const holder = await connectRaw(t, server);
  const waiting = await connectRaw(t, server);
  const early = await connectRaw(t, server);
  const late = await connectRaw(t, server);
  holder.send(request('/ack', '1\r\nx\r\n0\r\n\r\n', ['transfer-encoding: chunked']));
  waiting.send(request('/push', 'x'.repeat(100_000)));
  early.send(request('/pull', 'ab', [], 3));
  late.send(request('/push', 'ab', [], 3));
  assert.equal((await late.answer()).status, 408);
  early.send('c');
  open();
  assert.equal((await early.answer()).body.toString(), '3');
  assert.equal((await waiting.answer()).body.toString(), '100000');
});

test('what holds room for a large body is cut off in time, and leaves it to others', async (t) => {
  const server = await startReader(t, 200 * MIB, { timeouts: { headMs: 200, requestMs: 200 } });
  const [first, second, last] = [
    await connectRaw(t, server),
    await connectRaw(t, server),
    await connectRaw(t, server),
  ];
  for (const holder of [first, second]) holder.send(request('/push', 'x', [], 100 * MIB));
  last.send(request('/push', 'x'.repeat(100_000)));
  assert.equal((await last.answer()).body.toString(), '100000');
  for (const holder of [first, second]) assert.equal((await holder.answer()).status, 408);
});

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
