import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { movingClock } from './fixtures.ts';
import { connectRaw, type RawConnection, request } from './raw.ts';
import { MIB, pushSmall, startReader } from './reader.ts';

test('a client that takes nothing of its answer for two minutes is cut off', async (t) => {
  const { client, pass, whenBehind } = await beginAnswer(t);
  await whenBehind();
  pass(180_000);
  await assert.rejects(take(client, 64 * MIB), /it was closed/);
});

test('a client that takes some of its answer every minute is not cut off', async (t) => {
  const { client, pass, whenBehind } = await beginAnswer(t);
  for (let minute = 0; minute < 8; minute++) {
    await whenBehind();
    pass(60_000);
    await take(client, 8 * MIB);
  }
});

/** A client that has asked for something without an end, and reads nothing yet. */
async function beginAnswer(t: TestContext) {
  const { clock, pass } = movingClock();
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
    pass,
    /** Resolves when the server can write no more. */
    async whenBehind(): Promise<void> {
      for (let before = -1; before !== parts; ) {
        before = parts;
        for (let number = 0; number < 10; number++) await pushSmall(t, server);
      }
    },
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
