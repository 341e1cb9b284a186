import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { message, startTestRelay } from './helpers.ts';
import { compressed, connectRaw, request } from './raw.ts';

/** More than V8 is off by after so many, and less than a listener and what it keeps. */
const REQUESTS = 1_000;
const KEPT_BYTES_MAX = 800;

const short = JSON.stringify(message(1));
const long = JSON.stringify({ ...message(2), ciphertext_b64: 'c2VhbGVk'.repeat(10_000) });
const chunks = `${short.length.toString(16)}\r\n${short}\r\n0\r\n\r\n`;

const requests: Readonly<Record<string, string | Buffer>> = {
  'a pull': request('/pull', '{"recipient":"alice"}'),
  'a push': request('/push', short),
  'a long push': request('/push', long),
  'a push in pieces': request('/push', chunks, ['transfer-encoding: chunked']),
  'a compressed push': compressed('gzip', gzipSync(short)),
  'a refused push': request('/push', '{'),
  'an ack': request('/ack', '{"recipient":"bob","ack":[]}'),
  'another route': request('/nothing', short),
};

for (const [name, bytes] of Object.entries(requests)) {
  test(`a kept connection holds nothing of ${name} that is answered`, async (t) => {
    const connection = await connectRaw(t, await startTestRelay(t));
    const send = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent++) {
        connection.send(bytes);
        await connection.answer();
      }
    };
    await send(REQUESTS);
    const before = await heapBytes();
    await send(REQUESTS);
    const kept = ((await heapBytes()) - before) / REQUESTS;
    assert.ok(kept < KEPT_BYTES_MAX, `${kept} bytes a request`);
  });
}

/** What 100 connections hold once each has sent this, got its answers, and sends no more; of V8's heap and beside it. */
async function heldBytes(t: TestContext, bytes: string, answers: number): Promise<number> {
  const relay = await startTestRelay(t);
  const connections = await Promise.all(Array.from({ length: 100 }, () => connectRaw(t, relay)));
  const before = await heapBytes();
  for (const connection of connections) {
    connection.send(bytes);
    for (let answer = 0; answer < answers; answer++) await connection.answer();
  }
  return (await heapBytes()) - before;
}

test('connections that idle hold nothing of their long pulls', async (t) => {
  const pull = request('/pull', JSON.stringify({ recipient: 'alice', cursor: 'x'.repeat(500_000) }));
  assert.ok((await heldBytes(t, pull, 1)) < 10_000_000);
});

test('connections that idle hold no more of what came with their last pull than with another last request', async (t) => {
  const pulls = request('/pull', '{"recipient":"alice"}').repeat(590);
  const acks = request('/ack', '{"recipient":"a","ack":[]}').repeat(590);
  // Node itself may hold what it read last, up to 64 KiB.
  const held = await heldBytes(t, acks, 590);
  assert.ok((await heldBytes(t, pulls, 590)) < held + 2_000_000);
});

v8.setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

async function heapBytes(): Promise<number> {
  // What a turn has let go of may be held by the next one yet.
  for (let turn = 0; turn < 5; turn++) {
    await nextTurn();
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
