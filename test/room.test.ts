import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { refusal } from '../src/api.ts';
import { RelayError } from '../src/errors.ts';
import { compressed, connectRaw, request } from './raw.ts';
import { MIB, startReader, startReaderWithGate } from './reader.ts';

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

test('a client that is slow to take its answer keeps no room of large bodies', async (t) => {
  const never = new Promise<undefined>(() => {});
  const server = await startReader(t, 200 * MIB, { more: () => never });
  const slow = await connectRaw(t, server);
  slow.send(request('/slow', '1\r\nx\r\n0\r\n\r\n', ['transfer-encoding: chunked']));
  assert.equal((await slow.answer({ body: false })).status, 200);
  const connection = await connectRaw(t, server);
  connection.send(request('/push', 'x'.repeat(100_000)));
  assert.equal((await connection.answer()).body.toString(), '100000');
  slow.socket.destroy();
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
