import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { refusal } from '../src/api.ts';
import { RelayError } from '../src/errors.ts';
import { compressed, connectRaw, request } from './raw.ts';
import { MIB, pushLarge, pushSmall, startReader, startReaderWithGate } from './reader.ts';

const quick = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 } };

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
    connection.send(request('/push', '', ['expect: 100-continue'], 100 * MIB));
    waiting.push(
      connection.answer({ body: false }).then(({ status }) => {
        assert.equal(status, 100);
        began.push(name);
        connection.socket.destroy();
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
  const server = await startReader(t, 200 * MIB, { onRun: (body) => ran.push(body.length) });
  const first = await connectRaw(t, server);
  // As it is sent it is large already, if only just.
  const body = Buffer.concat([randomBytes(70_000), Buffer.alloc(100 * MIB)]);
  first.send(compressed('br', zlib.brotliCompressSync(body, quick)));
  await pushSmall(t, server);
  await pushSmall(t, server);
  first.socket.resetAndDestroy();
  await pushLarge(t, server);
  assert.deepEqual(ran, [1, 1, body.length, 100_000]);
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

test('a body of which no more than a little has come holds no room, however long it may get', async (t) => {
  const server = await startReader(t, 200 * MIB);
  const chunked = await connectRaw(t, server);
  chunked.send(request('/push', `10000\r\n${'x'.repeat(65_536)}\r\n`, ['transfer-encoding: chunked']));
  const gzip = await connectRaw(t, server);
  gzip.send(request('/push', 'x', ['content-encoding: gzip'], 65_536));
  await pushLarge(t, server);
  chunked.send('0\r\n\r\n');
  assert.equal((await chunked.answer()).body.toString(), '65536');
});

test('bodies that turn out to be small wait for no room', async (t) => {
  const server = await startReader(t, 200 * MIB);
  const holder = await connectRaw(t, server);
  holder.send(request('/push', 'x', [], 128 * MIB));
  await pushSmall(t, server);
  const small = await connectRaw(t, server);
  small.send(compressed('gzip', zlib.gzipSync('x'.repeat(65_536))));
  assert.equal((await small.answer()).body.toString(), '65536');
  small.send(request('/push', '1\r\nx\r\n0\r\n\r\n', ['transfer-encoding: chunked']));
  assert.equal((await small.answer()).body.toString(), '1');
  assert.equal(holder.socket.bytesRead, 0);
});

test('a body of unknown length waits for room once it is long', async (t) => {
  const server = await startReader(t, 200 * MIB);
  const holder = await connectRaw(t, server);
  holder.send(request('/push', '', ['expect: 100-continue'], 100 * MIB));
  await holder.answer({ body: false });
  const ran: string[] = [];
  const chunked = await connectRaw(t, server);
  const body = `30d40\r\n${'x'.repeat(200_000)}\r\n0\r\n\r\n`;
  chunked.send(request('/push', body, ['transfer-encoding: chunked']));
  const answered = chunked.answer().then(({ body }) => ran.push(body.toString()));
  await pushSmall(t, server);
  assert.deepEqual(ran, []);
  holder.socket.destroy();
  await answered;
  assert.deepEqual(ran, ['200000']);
});
