import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64 } from '../src/base64.ts';
import { base64, object, type Read, string } from '../src/json.ts';
import { anything, edited, isJson, parse } from './json-text.ts';

/** Changes of a text: where, how many characters go, and what comes instead. */
const edits = fc.array(
  fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]":,\\ \n0-truenlAé=', '', '\u0001')),
  { maxLength: 2 },
);

const LONG = 'A'.repeat(66_000);
const places = [
  (long: string) => `{"a":"${long}"}`,
  (long: string) => `{"${long}":[1,"x"],"b":{}}`,
  (long: string) => `["x","y",${' '.repeat(66_000)}"${long}",{"c":"${long}"}]`,
  (long: string) => `{"a":"x"${long}"b":1}`,
  (long: string) => `{"a":"\\n","b":"${long}"}`,
  (long: string) => `"${long}`,
  (long: string) => `{"a":"\\"",${long}"b":1}`,
];

test('a body with a long string in it is read exactly when JSON.parse reads it', () => {
  const longs = fc.constantFrom(
    LONG,
    `${LONG}é`,
    `\\"${LONG}`,
    `${LONG}\\`,
    `${LONG}\u0001`,
    ' '.repeat(66_000),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), longs, edits, edits, (place, long, inside, outside) => {
      const text = place('long')
        .split('long')
        .map((part) => edited(part, outside))
        .join(edited(long, inside));
      assert.equal(parse(text, anything) === 'read', isJson(text));
    }),
    { numRuns: 300 },
  );
});

test('a long string comes back as it was', () => {
  for (const long of [LONG, `${LONG}é😀`]) {
    assert.deepEqual(parse(`{"a":"${long}"}`, object({ a: string })), { a: long });
    assert.deepEqual(parse(`{"x":"${long}","a":"b"}`, object({ a: string })), { a: 'b' });
  }
});

test('a long payload is the bytes that its text stands for, and refused like a short one', () => {
  const payload = fc.integer({ min: 50_000, max: 210_000 }).map((length) => {
    return Buffer.alloc(length, 'a payload of some length').toString('base64');
  });
  const read = object({ a: base64 });
  fc.assert(
    fc.property(payload, edits, (written, changes) => {
      const text = edited(written, changes);
      const expected = isJson(`"${text}"`) ? { a: decodeBase64(JSON.parse(`"${text}"`)) } : undefined;
      const found = parse(`{"a":"${text}"}`, read);
      if (expected === undefined) assert.equal(typeof found, 'string');
      else assert.deepEqual(found, expected);
    }),
    { numRuns: 60 },
  );
});

test('padding within a long payload makes it none, wherever it is', () => {
  for (const length of [65_534, 65_536, 131_072]) {
    const first = Buffer.alloc((length * 3) / 4).toString('base64');
    const text = `${first.slice(0, length - 4)}AA==${'A'.repeat(70_000)}`;
    assert.deepEqual(parse(`{"a":"${text}"}`, object({ a: base64 })), { a: undefined });
  }
});

test('what is malformed behind a long string is named by its place', () => {
  const text = `{"a":"${LONG}"!}`;
  for (const read of [object({ a: string }), object({ a: base64 })] as Read<unknown>[]) {
    assert.equal(parse(text, read), `a is malformed JSON at character ${text.indexOf('!')}`);
  }
});
