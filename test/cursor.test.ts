import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCursor, encodeCursor } from '../src/cursor.ts';

const of = (text: string | Buffer) => Buffer.from(text as string).toString('base64');

test('a cursor comes back as it was, for any recipient', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.maxSafeNat(), (recipient, seq) => {
      assert.deepEqual(decodeCursor(encodeCursor({ recipient, seq })), { recipient, seq });
    }),
  );
});

test('the form of a cursor is the recipient, a colon and 20 digits, in base64', () => {
  const cursor = encodeCursor({ recipient: 'a:0', seq: 42 });
  assert.equal(cursor, of('a:0:00000000000000000042'));
  assert.deepEqual(decodeCursor(cursor), { recipient: 'a:0', seq: 42 });
});

test('any decimal up to 2^64−1 is a seq, padded or not', () => {
  for (const [digits, seq] of [
    ['0', 0],
    ['7', 7],
    ['00000000000000000007', 7],
    [`${'0'.repeat(1_000_000)}7`, 7],
    ['0'.repeat(50), 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', Number.MAX_SAFE_INTEGER],
    ['18446744073709551615', Number.MAX_SAFE_INTEGER],
  ] as const) {
    assert.deepEqual(decodeCursor(of(`a:${digits}`)), { recipient: 'a', seq }, digits.slice(-30));
  }
});

test('no such decimal, no colon, no UTF-8 or no canonical base64: no cursor', () => {
  const seqs = [
    '',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '0x1',
    ' 1',
    '1 ',
    '1\n',
    '١',
    '18446744073709551616',
    '1'.repeat(1_000_000),
  ];
  for (const seq of seqs) assert.equal(decodeCursor(of(`a:${seq}`)), undefined, seq.slice(0, 30));
  for (const text of ['', 'a', '1', 'a;1']) assert.equal(decodeCursor(of(text)), undefined, text);
  assert.equal(decodeCursor(of(Buffer.from([0xff, 0x3a, 0x31]))), undefined);
  for (const text of ['a:1', 'YTox=', 'YTo', 'YToxMg', 'YToxMh==', ' YTox', 'YTox\n']) {
    assert.equal(decodeCursor(text), undefined, JSON.stringify(text));
  }
});
