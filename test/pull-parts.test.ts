import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../src/log.ts';
import { type Relay, startRelay } from '../src/relay.ts';
import type { Store } from '../src/stores/store.ts';
import { storeWith } from './fixtures.ts';
import { message, post, startTestRelay, testConfig } from './helpers.ts';
import { connectRaw, request } from './raw.ts';

test('a long page, sent in parts, is the page that its limits give', async () => {
  const sizes = fc.array(fc.constantFrom(0, 1, 70_000, 131_072, 131_073, 262_144, 262_145, 600_000), {
    minLength: 1,
    maxLength: 12,
  });
  const limits = fc.record({
    bytesMax: fc.integer({ min: 250_000, max: 700_000 }),
    max: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, limits, async (lengths, { bytesMax, max }) => {
      const relay = await startRelay({ ...testConfig, relay: { pullPageBytesMax: bytesMax } });
      try {
        const bodies = lengths.map((length, number) => ({
          ...message(number),
          ciphertext_b64: Buffer.alloc(length, number).toString('base64'),
        }));
        for (const body of bodies) await post(relay, '/push', body);
        const { items, next_cursor, remaining_estimate } = (
          await post(relay, '/pull', { recipient: 'alice', max })
        ).body;
        const bytesUpTo = (at: number) => sumOf(lengths.slice(0, at + 1));
        const over = lengths.findIndex((_, at) => at > 0 && bytesUpTo(at) > bytesMax);
        const count = Math.min(max, over < 0 ? lengths.length : over);
        assert.deepEqual(
          items.map((item: { ciphertext_b64: string }) => item.ciphertext_b64),
          bodies.slice(0, count).map((body) => body.ciphertext_b64),
        );
        assert.deepEqual(
          [next_cursor !== null, remaining_estimate],
          [count < lengths.length, lengths.length - count],
        );
        if (next_cursor === null) return;
        const next = (await post(relay, '/pull', { recipient: 'alice', max: 1, cursor: next_cursor })).body;
        assert.equal(next.items[0].message_id, bodies[count]?.message_id);
      } finally {
        await relay.stop();
      }
    }),
    { numRuns: 15 },
  );
});

test('what is acked while a long page is on its way is left out of what is still to come', async (t) => {
  const payload = Buffer.alloc(140_000).toString('base64');
  const acked = message(3);
  let pulls = 0;
  const store = await storeWith(t, (inner) => ({
    async pull(...asked) {
      const page = await inner.pull(...asked);
      if (pulls++ === 0) await inner.ack('alice', [{ messageId: acked.message_id, chunkIndex: 0 }]);
      return page;
    },
  }));
  const relay = await startTestRelay(t, {}, { store });
  for (const number of [1, 2, 3, 4]) {
    await post(relay, '/push', { ...message(number), ciphertext_b64: payload });
  }
  const { items, next_cursor, remaining_estimate } = (await post(relay, '/pull', { recipient: 'alice' }))
    .body;
  const expected = [1, 2, 4].map((number) => message(number).message_id);
  assert.deepEqual(
    items.map((item: { message_id: string }) => item.message_id),
    expected,
  );
  assert.deepEqual([next_cursor, remaining_estimate], [null, 0]);
});

test('of a long page no more is read than its client takes', async (t) => {
  const messages = 30;
  let pulls = 0;
  const store = await storeWith(t, (inner) => ({
    pull(...asked) {
      pulls++;
      return inner.pull(...asked);
    },
  }));
  const relay = await startTestRelay(t, { relay: { pullPageBytesMax: 100_000_000 } }, { store });
  const payload = Buffer.alloc(500_000).toString('base64');
  for (let number = 0; number < messages; number++) {
    await post(relay, '/push', { ...message(number), ciphertext_b64: payload });
  }
  const slow = await connectRaw(t, relay);
  slow.socket.pause();
  slow.send(request('/pull', '{"recipient":"alice"}', ['connection: close']));
  for (let round = 0; round < 100; round++) await post(relay, '/pull', { recipient: 'bob' });
  assert.ok(pulls - 100 < messages / 2, `${pulls - 100} reads of a page that nobody takes`);
  slow.socket.resume();
  const page = await slow.ended();
  assert.equal(page.split('"message_id"').length - 1, messages);
  assert.match(page, /"next_cursor":null,"remaining_estimate":0\}\r\n0\r\n\r\n$/);
});

/** A memory store in which `beforePiece` is called with the number of each piece of a long message that is asked for. */
function storeOfPieces(t: TestContext, beforePiece: (inner: Store, piece: number) => unknown) {
  return storeWith(t, (inner) => ({
    async pull(...asked) {
      const { long, ...page } = await inner.pull(...asked);
      if (long === undefined) return page;
      return {
        ...page,
        long: {
          ...long,
          async *pieces() {
            const given = long.pieces()[Symbol.asyncIterator]();
            for (let number = 0; ; number++) {
              await beforePiece(inner, number);
              const { done, value } = await given.next();
              if (done === true) return;
              yield value;
            }
          },
        },
      };
    },
  }));
}

/** Two long messages, and a short one. */
async function pushLong(relay: Relay): Promise<string[]> {
  const payloads = ['a', 'b'].map((text) => Buffer.alloc(1_000_000, text).toString('base64'));
  payloads.push('c2VhbGVk');
  for (const [number, ciphertext_b64] of payloads.entries()) {
    await post(relay, '/push', { ...message(number), ciphertext_b64 });
  }
  return payloads;
}

test('a long message that goes while it is being sent ends the connection, and another pull goes on', async (t) => {
  const errors: unknown[] = [];
  const log = { ...silentLog, error: (fields: unknown) => errors.push(fields) };
  const ack = [{ messageId: message(0).message_id, chunkIndex: 0 }];
  const store = await storeOfPieces(t, (inner, piece) => (piece === 2 ? inner.ack('alice', ack) : undefined));
  const relay = await startTestRelay(t, {}, { store, log });
  const payloads = await pushLong(relay);
  const connection = await connectRaw(t, relay);
  connection.send(request('/pull', '{"recipient":"alice"}'));
  const cut = await connection.ended();
  assert.ok(cut.startsWith('HTTP/1.1 200 ') && cut.length > 500_000, cut.slice(0, 1_000));
  assert.ok(!cut.endsWith('0\r\n\r\n'));
  assert.deepEqual(errors, []);
  const { items } = (await post(relay, '/pull', { recipient: 'alice', max: 1 })).body;
  assert.equal(items[0].ciphertext_b64, payloads[1]);
});

test('a long message that is gone before its first byte leaves its place to the next', async (t) => {
  const ack = [{ messageId: message(0).message_id, chunkIndex: 0 }];
  const store = await storeOfPieces(t, (inner, piece) => (piece === 0 ? inner.ack('alice', ack) : undefined));
  const relay = await startTestRelay(t, {}, { store });
  const payloads = await pushLong(relay);
  const { items, next_cursor, remaining_estimate } = (await post(relay, '/pull', { recipient: 'alice' }))
    .body;
  assert.deepEqual(
    items.map((item: { ciphertext_b64: string }) => item.ciphertext_b64),
    payloads.slice(1),
  );
  assert.deepEqual([next_cursor, remaining_estimate], [null, 0]);
});

test('of a long message no more is read than its client takes', async (t) => {
  let read = 0;
  const store = await storeOfPieces(t, () => read++);
  const relay = await startTestRelay(t, {}, { store });
  const payload = Buffer.alloc(8_388_608, 'x').toString('base64');
  await post(relay, '/push', { ...message(1), ciphertext_b64: payload });
  const slow = await connectRaw(t, relay);
  slow.socket.pause();
  slow.send(request('/pull', '{"recipient":"alice"}'));
  for (let round = 0; round < 100; round++) await post(relay, '/pull', { recipient: 'bob' });
  assert.ok(read > 0 && read < 25, `${read} pieces of a message that nobody takes`);
  slow.socket.resume();
  const page = await slow.answer();
  assert.equal(JSON.parse(page.body.toString()).items[0].ciphertext_b64, payload);
});

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
