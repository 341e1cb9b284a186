import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { Message } from '../../src/message.ts';
import { packedJson } from '../../src/packed-json.ts';
import { messagesJson } from '../../src/page.ts';
import { type KeptRecord, recordChecker } from '../../src/stores/disk/kept-record.ts';
import { pushHeadBytes, writePushHead } from '../../src/stores/disk/record.ts';
import { uuidText, uuidWords } from '../../src/stores/mailboxes/uuid.ts';
import { message, post } from '../helpers.ts';
import { makeDirectory, spawnProgram, urlOfProgram } from '../program.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 9n, 10n, 2n ** 32n - 1n, 2n ** 32n, 10n ** 19n - 1n, 10n ** 19n, 2n ** 64n - 1n),
);
const text = (maxLength: number) =>
  fc.string({ unit: 'binary', minLength: 1, maxLength }).map((given) => Buffer.from(given).toString());
const messages = fc
  .record({
    recipient: text(60),
    rest: fc.array(
      fc.record({
        words: fc.tuple(u32, u32, u32, u32),
        payload: fc
          .oneof(fc.nat(100), fc.integer({ min: 1000, max: 5000 }), fc.constantFrom(40_000, 65_300, 66_000))
          .map((length) => randomBytes(length)),
        kind: fc.oneof(
          fc.stringMatching(/^[a-z]{1,60}$/),
          fc.constantFrom('é€😀\u007f', '"', '\\', '\n'),
          text(20),
        ),
        totalLen: u64,
        chunkIndex: u32,
        chunkCount: u32,
        sentMs: u64,
        seq: fc.maxSafeNat(),
        arrivalMs: fc.maxSafeNat(),
        deadlineMs: u64,
      }),
      { minLength: 1, maxLength: 12 },
    ),
  })
  .map(({ recipient, rest }) =>
    rest.map(({ words, kind, totalLen, chunkIndex, chunkCount, sentMs, ...others }): Message => {
      const meta = { kind, totalLen, chunkIndex, chunkCount, sentMs };
      return { recipient, messageId: uuidText(words), meta, ...others };
    }),
  );

test('what WebAssembly writes of a page is what JavaScript writes, or nothing', () => {
  fc.assert(
    fc.property(messages, (given) => {
      const expected = messagesJson(given, '{"items":[', 'é]}').toString();
      const json = packedJson(recordsOf(given), '{"items":[', 'é]}');
      if (given.every(({ meta, payload }) => isPlain(meta.kind) && payload.length < 65_400))
        assert.equal(json?.toString(), expected);
      else assert.equal(json, undefined);
    }),
    { numRuns: 300 },
  );
});

test('payloads of every length up to a few rounds of its loops, many on a page', () => {
  const given = Array.from({ length: 400 }, (_, length) => plainMessage(length, randomBytes(length)));
  const records = recordsOf(given);
  const pages = given.map((_, index) => [index]);
  pages.push([...given.keys()], [...given.keys()].reverse());
  for (const page of pages) {
    const [packed, messages] = [page.map((index) => records[index]), page.map((index) => given[index])];
    const expected = messagesJson(messages as Message[], '[', ']').toString();
    assert.equal(packedJson(packed as KeptRecord[], '[', ']')?.toString(), expected);
  }
});

test('a record of which any bit has changed, or which is of another message, is not taken', () => {
  const given = plainMessage(7, randomBytes(40));
  const [{ bytes, at, length }] = recordsOf([given]) as [KeptRecord];
  const wanted = { seq: 7, recipient: 'r', bytes: length };
  for (let bit = 8 * at; bit < 8 * (at + length); bit++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(recordChecker(changed)(at, wanted), undefined, `bit ${bit - 8 * at}`);
  }
  const check = recordChecker(bytes);
  assert.equal(check(at, { ...wanted, seq: 8 }), undefined);
  assert.equal(check(at, { ...wanted, recipient: 's' }), undefined);
  assert.equal(check(at, { ...wanted, recipient: 'rr' }), undefined);
  assert.equal(check(at, { ...wanted, bytes: length - 1 }), undefined);
  assert.equal(check(at + 1, wanted), undefined);
  assert.equal(recordChecker(bytes.subarray(0, at + length - 1))(at, wanted), undefined);
  assert.deepEqual(check(at, wanted)?.message(), given);
});

test('a buffer that is read into again is looked at again', () => {
  const [first] = recordsOf([plainMessage(1, randomBytes(40))]) as [KeptRecord];
  const [second] = recordsOf([plainMessage(2, randomBytes(40))]) as [KeptRecord];
  const wanted = { seq: 1, recipient: 'r', bytes: first.length };
  assert.ok(recordChecker(first.bytes)(first.at, wanted));
  second.record.copy(first.bytes, first.at);
  assert.equal(recordChecker(first.bytes)(first.at, wanted), undefined);
});

for (const [why, how] of [
  ['no JIT compiler', { nodeArgs: ['--jitless'] as string[] }],
  // Node 26 has WebAssembly there all the same.
  ['little address space', { ulimit: '-v 6000000' }],
] as const) {
  test(`a relay with ${why} gives the same pages, and opens its store`, async (t) => {
    const path = join(await makeDirectory(t), 'store');
    const args = ['--address', '127.0.0.1:0', '--storage-path', path];
    const pushed = [1, 2, 3].map(message);
    const first = spawnProgram(t, args, how);
    let baseUrl = await urlOfProgram(first);
    for (const each of pushed) assert.equal((await post({ baseUrl }, '/push', each)).status, 200);
    first.kill('SIGTERM');
    await once(first, 'exit');
    baseUrl = await urlOfProgram(spawnProgram(t, args, how));
    const { body } = await post({ baseUrl }, '/pull', { recipient: 'alice' });
    assert.deepEqual(
      body.items.map(({ arrival_ms, deadline_ms, ...item }: Record<string, unknown>) => item),
      pushed,
    );
  });
}

/** Records, checked, in one buffer with other bytes between them. */
function recordsOf(given: readonly Message[]): KeptRecord[] {
  let length = 0;
  const places = given.map(({ recipient, payload, meta }) => {
    const headBytes = pushHeadBytes(recipient, meta.kind) as number;
    const place = { at: length + 3, headBytes, bytes: headBytes + payload.length };
    length = place.at + place.bytes;
    return place;
  });
  const bytes = randomBytes(length);
  given.forEach((each, index) => {
    const { at, headBytes } = places[index] as (typeof places)[number];
    const { payload, messageId } = each;
    const sizes = { payloadBytes: payload.length, payloadCrc: crc32(payload) };
    writePushHead(bytes, at, { ...each, ...sizes, words: uuidWords(messageId) });
    bytes.set(payload, at + headBytes);
  });
  const check = recordChecker(bytes);
  return places.map(({ at, bytes }, index) => {
    const { seq, recipient } = given[index] as Message;
    const record = check(at, { seq, recipient, bytes });
    assert.ok(record);
    return record;
  });
}

function plainMessage(seq: number, payload: Buffer): Message {
  const meta = { kind: 'k', totalLen: 1n, chunkIndex: 0, chunkCount: 1, sentMs: 1n };
  return {
    recipient: 'r',
    messageId: uuidText([1, 2, 3, seq]),
    payload,
    meta,
    seq,
    arrivalMs: 1,
    deadlineMs: 2n,
  };
}

/** Whether JSON needs nothing but quotes for it. */
function isPlain(kind: string): boolean {
  return JSON.stringify(kind) === `"${kind}"`;
}
