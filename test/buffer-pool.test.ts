import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BufferPool } from '../src/buffer-pool.ts';
import { message, post, startTestRelay } from './helpers.ts';
import { connectRaw, request } from './raw.ts';

const BYTES = 2 ** 17;
const PIPELINED = 24;

test('a buffer that was given back serves the next who takes one, of another length too', () => {
  const pool = new BufferPool();
  const first = pool.take(BYTES);
  const { buffer } = first;
  pool.give(first);
  const second = pool.take(BYTES - 1);
  assert.equal(second.buffer, buffer);
  assert.equal(second.length, BYTES - 1);
});

test('a buffer that is given back twice, or again when another has it, serves one taker at a time', () => {
  const pool = new BufferPool();
  const first = pool.take(BYTES);
  pool.give(first);
  pool.give(first);
  const second = pool.take(BYTES);
  pool.give(first);
  assert.notEqual(pool.take(BYTES).buffer, second.buffer);
});

test('what was not taken is not handed out', () => {
  const pool = new BufferPool();
  const foreign = Buffer.alloc(BYTES);
  pool.give(foreign);
  assert.notEqual(pool.take(BYTES).buffer, foreign.buffer);
});

test('a page that its client leaves waiting stays as it is while others are read and sent', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
  const relay = await startTestRelay(t, { storage: { kind: 'disk', path } });
  t.after(() => rm(path, { recursive: true }));
  const push = async (recipient: string, fill: number): Promise<string> => {
    const ciphertext_b64 = Buffer.alloc(240_000, fill).toString('base64');
    await post(relay, '/push', { ...message(1), recipient, ciphertext_b64 });
    return ciphertext_b64;
  };
  const payload = await push('alice', 1);
  await push('bob', 2);

  const slow = await connectRaw(t, relay);
  slow.socket.pause();
  // More than the system's own buffers take.
  slow.send(request('/pull', '{"recipient":"alice"}').repeat(PIPELINED));
  for (let round = 0; round < 50; round++) await post(relay, '/pull', { recipient: 'bob' });
  slow.socket.resume();
  for (let page = 0; page < PIPELINED; page++) {
    const { items } = JSON.parse((await slow.answer()).body.toString());
    assert.equal(items[0].ciphertext_b64 === payload, true, `page ${page}`);
  }
});
