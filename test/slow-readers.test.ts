import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { connectRaw, type RawConnection, request } from './raw.ts';
import { MIB, startReader, untilStill } from './reader.ts';
import { SimulatedClock } from './simulation/clock.ts';

test('a client that takes nothing of its answer for two minutes is cut off', async (t) => {
  const { client, clock, whenBehind } = await beginAnswer(t);
  await whenBehind();
  clock.advance(180_000);
  await assert.rejects(take(client, 64 * MIB), /it was closed/);
});

test('a client that takes some of its answer every minute is not cut off', async (t) => {
  const { client, clock, whenBehind } = await beginAnswer(t);
  for (let minute = 0; minute < 8; minute++) {
    await whenBehind();
    clock.advance(60_000);
    await take(client, 8 * MIB);
  }
});

/** A client that has asked for something without an end, and reads nothing yet. */
async function beginAnswer(t: TestContext) {
  const clock = new SimulatedClock();
  let parts = 0;
  const more = async () => {
    parts++;
    return Buffer.alloc(MIB);
  };
  const server = await startReader(t, MIB, { clock, more });
  const client = await connectRaw(t, server);
  client.socket.pause();
  client.send(request('/slow', 'x'));
  return {
    client,
    clock,
    /** Resolves when the server can write no more. */
    whenBehind: () => untilStill(t, server, () => parts),
  };
}

/** Throws when the connection ends before so much has come. */
async function take({ socket }: RawConnection, bytes: number): Promise<void> {
  const end = socket.bytesRead + bytes;
  const closed = once(socket, 'close').then(() => assert.fail('it was closed'));
  closed.catch(() => {});
  socket.resume();
  while (socket.bytesRead < end) await Promise.race([once(socket, 'data'), closed]);
  socket.pause();
}
