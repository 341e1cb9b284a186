import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64 } from '../src/base64.ts';
import { base64, object, type Read, string } from '../src/json.ts';
import { anything, edited, isJson, parse, parseLong } from './json-text.ts';

/** Changes of a text: where, how many characters go, and what comes instead. */
const edits = fc.array(
  fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]":,\\ \n0-_+/truenlAé=', '', '\u0001')),
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

test('a body with a long string in it is read exactly when JSON.parse reads it', async () => {
  const longs = fc.constantFrom(
    LONG,
    `${LONG}é`,
    `\\"${LONG}`,
    `${LONG}\\`,
    `${LONG}\u0001`,
    ' '.repeat(66_000),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...places),
      longs,
      edits,
      edits,
      async (place, long, inside, outside) => {
        const text = place('long')
          .split('long')
          .map((part) => edited(part, outside))
          .join(edited(long, inside));
        assert.equal(parse(text, anything) === 'read', isJson(text));
        assert.equal((await parseLong(text, anything)) === 'read', isJson(text));
      },
    ),
    { numRuns: 300 },
  );
});

test('a long string comes back as it was', async () => {
  for (const long of [LONG, `${LONG}é😀`]) {
    assert.deepEqual(await parseLong(`{"a":"${long}"}`, object({ a: string })), { a: long });
    assert.deepEqual(await parseLong(`{"x":"${long}","a":"b"}`, object({ a: string })), { a: 'b' });
  }
});

test('a long payload is the bytes that its text stands for, and refused like a short one', async () => {
  const payload = fc.integer({ min: 50_000, max: 900_000 }).map((length) => {
    return Buffer.alloc(length, 'a payload of some length').toString('base64');
  });
  const read = object({ a: base64 });
  await fc.assert(
    fc.asyncProperty(payload, edits, async (written, changes) => {
      const text = edited(written, changes);
      const expected = isJson(`"${text}"`) ? { a: decodeBase64(JSON.parse(`"${text}"`)) } : undefined;
      const found = await parseLong(`{"a":"${text}"}`, read);
      if (expected === undefined) assert.equal(typeof found, 'string');
      else assert.deepEqual(found, expected);
    }),
    { numRuns: 60 },
  );
});

test('what is no base64 within a long payload makes it none, wherever it is', async () => {
  for (const wrong of ['AA==', 'AAA=', '=AAA', 'AA-A', 'A_AA', 'AA A', 'AAéA', 'AA%A']) {
    for (const at of [0, 16_380, 16_384, 65_536, 524_284, 524_288]) {
      const text = `${'A'.repeat(at)}${wrong}${LONG}`;
      assert.deepEqual(await parseLong(`{"a":"${text}"}`, object({ a: base64 })), { a: undefined });
      assert.deepEqual(await parseLong(`{"a":"${text}"}`, object({ a: string })), { a: text });
    }
  }
});

test('the end of a long payload decides, like that of a short one', async () => {
  for (const end of [
    'AAAA',
    'AA==',
    'AAA=',
    'AB==',
    'AAB=',
    'A===',
    '====',
    'AA=A',
    'AAA',
    'AA',
    '-AAA',
    'AA_A',
    'AAé',
  ]) {
    const found = await parseLong(`{"a":"${LONG}${end}"}`, object({ a: base64 }));
    assert.deepEqual(found, { a: decodeBase64(LONG + end) }, end);
  }
});

test('what is malformed behind a long string is named by its place', async () => {
  const text = `{"a":"${LONG}"!}`;
  for (const read of [object({ a: string }), object({ a: base64 })] as Read<unknown>[]) {
    assert.equal(await parseLong(text, read), `a is malformed JSON at character ${text.indexOf('!')}`);
  }
});
