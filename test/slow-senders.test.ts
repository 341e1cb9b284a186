import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { compressed, connectRaw, errorCode, request } from './raw.ts';
import { MIB, pushLarge, pushSmall, startReader } from './reader.ts';
import { SimulatedClock } from './simulation/clock.ts';

const holders: Readonly<Record<string, string>> = {
  'of known length': request('/push', 'x'.repeat(70_000), [], 128 * MIB),
  'of unknown length': request('/push', `800000\r\n${'x'.repeat(70_000)}`, ['transfer-encoding: chunked']),
};

for (const [what, bytes] of Object.entries(holders)) {
  test(`a body ${what} that is late gives its room back with its answer`, async (t) => {
    const server = await startReader(t, 200 * MIB, { timeouts: { headMs: 200, requestMs: 200 } });
    const holder = await connectRaw(t, server);
    holder.send(bytes);
    await pushLarge(t, server);
    assert.equal((await holder.answer()).status, 408);
    assert.equal(holder.socket.closed, false);
  });

  test(`a body ${what} is cut off when it is slow and others wait for its room`, async (t) => {
    const clock = new SimulatedClock();
    const server = await startReader(t, 200 * MIB, { clock });
    const holder = await connectRaw(t, server);
    holder.send(bytes);
    await pushSmall(t, server);
    // Nobody waits, so that it may take its time.
    clock.advance(20_000);
    const waiting = pushLarge(t, server);
    await pushSmall(t, server);
    assert.equal(holder.socket.bytesRead, 0);
    clock.advance(1_000);
    assert.equal((await holder.answer()).status, 408);
    await waiting;
  });

  test(`a body ${what} may stand still for five seconds`, async (t) => {
    const clock = new SimulatedClock();
    const server = await startReader(t, 200 * MIB, { clock });
    const holder = await connectRaw(t, server);
    holder.send(bytes);
    await pushSmall(t, server);
    holder.send('x'.repeat(24_000));
    const waiting = pushLarge(t, server);
    for (let number = 0; number < 10; number++) await pushSmall(t, server);
    clock.advance(6_000);
    await pushSmall(t, server);
    assert.equal(holder.socket.bytesRead, 0);
    clock.advance(1_000);
    assert.equal((await holder.answer()).status, 408);
    await waiting;
  });
}

test('a body that finds no room for too long is refused', async (t) => {
  const clock = new SimulatedClock();
  const server = await startReader(t, 200 * MIB, { clock });
  const holder = await connectRaw(t, server);
  holder.send(request('/push', 'x'.repeat(70_000), [], 128 * MIB));
  await pushSmall(t, server);
  const bodies = { ...holders, 'to be inflated': compressed('gzip', zlib.gzipSync('x'.repeat(70_000))) };
  const waiting = await Promise.all(
    Object.values(bodies).map(async (bytes) => {
      const connection = await connectRaw(t, server);
      connection.send(bytes);
      return connection;
    }),
  );
  for (let number = 0; number < 10; number++) {
    await pushSmall(t, server);
    holder.send('x'.repeat(1_000_000));
  }
  clock.advance(8_000);
  for (const connection of waiting) {
    const refused = await connection.answer();
    assert.equal(refused.status, 503);
    assert.equal(errorCode(refused), 'storage_error');
  }
});

test('one source leaves room to the others, however many large bodies it begins', async (t) => {
  // No time passes, so that none of them is late.
  const server = await startReader(t, 200 * MIB, { clock: new SimulatedClock() });
  const from = (address: string) => [`x-forwarded-for: ${address}`];
  for (let number = 0; number < 20; number++) {
    const connection = await connectRaw(t, server);
    connection.send(request('/push', 'x', from('192.0.2.1'), 20 * MIB));
  }
  await pushSmall(t, server);
  const other = await connectRaw(t, server);
  other.send(request('/push', 'x'.repeat(20 * MIB), from('192.0.2.2')));
  assert.equal((await other.answer()).body.toString(), String(20 * MIB));
});
