import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate } from './fixtures.ts';
import { connectRaw, type RawConnection, request } from './raw.ts';
import { MIB, pushSmall, startReader, untilStill } from './reader.ts';

/** The first request of a connection that is not plain takes it to node's server, with what has come behind it. */

const PIECE = Buffer.alloc(65_536);
/** Far more than the system holds of what is sent and not read. */
const BODY_BYTES = 512 * PIECE.length;

const notPlain = ['accept-encoding: gzip'];

test('what comes while a connection is handed over stays in order', async (t) => {
  const [first, second] = [gate(), gate()];
  const bodies: string[] = [];
  const server = await startReader(t, MIB, {
    done: first.pass(),
    ready: second.pass().then(() => undefined),
    onRun: (body) => bodies.push(body.toString()),
  });
  const connection = await connectRaw(t, server);
  const [start, middle, end] = ['a', 'b', 'c'].map((letter) => letter.repeat(3_000)) as [
    string,
    string,
    string,
  ];
  connection.send(request('/ack', 'plain'));
  await pushSmall(t, server);
  connection.send(request('/pull', 'not plain', notPlain) + request('/push', start, [], 9_000));
  await pushSmall(t, server);
  connection.send(middle);
  await pushSmall(t, server);
  first.open();
  await connection.answer();
  connection.send(end);
  await pushSmall(t, server);
  second.open();
  await connection.answer();
  await connection.answer();
  assert.deepEqual(
    bodies.filter(({ length }) => length > 1),
    ['plain', 'not plain', start + middle + end],
  );
});

test('what follows a request that waits for its turn is not read meanwhile', async (t) => {
  const waiting = gate();
  const server = await startReader(t, 200 * MIB, { ready: waiting.pass().then(() => undefined) });
  const connection = await connectRaw(t, server);
  connection.send(request('/pull', 'x', notPlain) + request('/push', '', [], BODY_BYTES));
  await sendUntilStill(connection, (left) => untilStill(t, server, left));
  waiting.open();
  assert.equal((await connection.answer()).body.toString(), '1');
  assert.equal((await connection.answer()).body.toString(), String(BODY_BYTES));
});

test('a body that waits for room is not read meanwhile', async (t) => {
  const server = await startReader(t, 200 * MIB);
  const [holder, connection] = [await connectRaw(t, server), await connectRaw(t, server)];
  holder.send(request('/push', 'x', [], 128 * MIB));
  await pushSmall(t, server);
  connection.send(request('/push', '', notPlain, BODY_BYTES));
  await sendUntilStill(connection, (left) => untilStill(t, server, left));
  holder.socket.destroy();
  assert.equal((await connection.answer()).body.toString(), String(BODY_BYTES));
});

/** Sends a body until nothing more is taken, and the rest when it is; throws when all of it is taken at once. */
async function sendUntilStill(
  { socket }: RawConnection,
  still: (left: () => number) => Promise<void>,
): Promise<void> {
  let left = BODY_BYTES;
  const send = (error?: Error | null): void => {
    if (error || left === 0) return;
    left -= PIECE.length;
    socket.write(PIECE, send);
  };
  send();
  await still(() => left);
  assert.ok(left > 0, 'all of it was taken');
}
