import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64, list, object, parseLongJson, type Read, string, u32, u64 } from '../src/json.ts';
import { anything, edited, parse, parseLong } from './json-text.ts';

/** Lengths about those at which runs and strings are left out, pieces end and slices begin. */
const lengths = fc
  .tuple(fc.constantFrom(0, 32, 510, 1_024, 8_192, 16_384, 32_768, 65_536), fc.integer({ min: -14, max: 14 }))
  .map(([about, off]) => Math.max(0, about + off));

const insides = [
  'a',
  'AAAA',
  'é',
  '€',
  '😀',
  '\\n',
  '\\"',
  '\\\\',
  '\\/',
  '\\u0041',
  '\\u20ac',
  '\\ud83d\\ude00',
];
const wrong = ['\\ud83d', '\\ude00', '\\ud83dx\\ude00', '\\x', '\\u00g0', '\u0001', '"', '\\'];

/** A string that is made of one thing, with something else at its ends that moves it against slices. */
const longString = fc
  .tuple(
    fc.constantFrom(...insides),
    lengths,
    fc.string({ maxLength: 13, unit: fc.constantFrom('b', 'é', '\\n') }),
    fc.oneof({ weight: 5, arbitrary: fc.constant('') }, fc.constantFrom(...insides, ...wrong)),
    fc.constantFrom('', 'AAAA', '=', '\\ud83d'),
  )
  .map(([unit, length, before, after, last]) => {
    const units = Math.ceil(length / Buffer.byteLength(unit));
    return `"${before}${unit.repeat(units)}${after}${last}"`;
  });

const run = (unit: string) => lengths.map((length) => unit.repeat(length));
const space = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  fc.constantFrom(' ', '\n'),
  run(' '),
  run('\t\r\n '),
);
const number = fc.oneof(
  fc.constantFrom('0', '7', '-0', '1.5e+3', '18446744073709551615', '18446744073709551616'),
  fc
    .tuple(fc.constantFrom('', '-'), run('1'), fc.constantFrom('', '.5', 'e9', '.'), run('0'))
    .map((parts) => parts.join('')),
);
const nested = fc
  .tuple(fc.constantFrom('[', '{"k":', '[ [1],{},'), fc.constantFrom(1, 3, 127, 128, 129))
  .map(([open, depth]) => `${open.repeat(depth)}1${(open.startsWith('[') ? ']' : '}').repeat(depth)}`);
const many = fc
  .tuple(fc.constantFrom('1', '"x"', '[]', '{"k":{"k":[1]}}', '"\\n"', 'null', '{"e":"é"}'), lengths)
  .map(([value, length]) => `[${`${value},`.repeat(length / 4)}${value}]`);
const value = fc.oneof(
  longString,
  longString,
  number,
  nested,
  many,
  fc.constantFrom('null', 'true', '{}', '[]', '"x"'),
);

/** What is about it may be long white space. */
const spaced = (token: fc.Arbitrary<string>) => fc.tuple(space, token, space).map((parts) => parts.join(''));
const key = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"c"', '"d"', '"e"', '"\\u0061"', '"x"', '""'),
  longString,
);
const member = fc.tuple(spaced(key), spaced(value)).map((parts) => parts.join(':'));
const text = fc
  .tuple(fc.array(member, { maxLength: 6 }), space)
  .map(([members, after]) => `{${members.join(',')}}${after}`);

const shape = object({ a: string }, { b: base64, c: u64, d: list(object({ e: string })), e: u32 });
const anyOfThem = object({}, { a: string, b: base64, c: u64, e: u32, d: list(object({}, { e: string })) });

test('a body read in turns comes to what it comes to at once, value or error', async () => {
  const edits = fc.array(
    fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]":,\\ \n0-.e/tnué', '', '\u0001')),
    { maxLength: 2 },
  );
  await fc.assert(
    fc.asyncProperty(text, edits, async (original, changes) => {
      for (const body of new Set([original, edited(original, changes)])) {
        for (const read of [anything, shape, anyOfThem] as Read<unknown>[]) {
          assert.deepEqual(await parseLong(body, read), parse(body, read));
        }
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 400) },
  );
});

test('a pair of surrogates may be escaped anywhere in a long string, and half a pair nowhere', async () => {
  const read = object({ a: string });
  for (let before = 32_750; before < 32_780; before++) {
    const start = 'a'.repeat(before);
    for (const [written, meant] of [
      ['\\ud83d\\ude00', '😀'],
      ['\\\\\\ud83d\\ude00', '\\😀'],
      ['😀\\n', '😀\n'],
    ] as const) {
      assert.deepEqual(await parseLong(`{"a":"${start}${written}z"}`, read), { a: `${start}${meant}z` });
    }
    for (const half of ['\\ud83d', '\\ude00', '\\ud83d\\n\\ude00', '\\ud83d\\ud83d\\ude00']) {
      assert.equal(await parseLong(`{"a":"${start}${half}z"}`, read), 'a has a lone surrogate');
      assert.equal(await parseLong(`{"a":"${start}${half}"}`, read), 'a has a lone surrogate');
    }
  }
});

test('what is malformed in a long string is told before half a pair, wherever each stands', async () => {
  const between = 'a'.repeat(70_000);
  for (const read of [object({ a: string }), object({ a: base64 }), object({})] as Read<unknown>[]) {
    for (const inside of [`\\ud83d${between}\\x`, `\\x${between}\\ud83d`]) {
      const body = `{"a":"${inside}"}`;
      assert.equal(await parseLong(body, read), parse(body, read));
    }
  }
});

test('a payload whose slashes are escaped is what it is without, however long', async () => {
  const payload = Buffer.alloc(1_500_000, Buffer.from('fbff/+payload', 'base64'));
  const written = payload.toString('base64');
  const read = object({ a: base64 });
  assert.deepEqual(await parseLong(`{"a":"${written.replaceAll('/', '\\/')}"}`, read), { a: payload });
  assert.deepEqual(await parseLong(`{"a":"${written.replaceAll('/', '\\/')}="}`, read), { a: undefined });
});

test('a text of megabytes is none that means anything, and is not kept', async () => {
  const { a } = (await parseLong(`{"a":"${'A'.repeat(4_000_000)}"}`, object({ a: string }))) as { a: string };
  assert.ok(a.length < 2_200_000 && a.endsWith('\ufffd'), String(a.length));
});

const BYTES = 3_000_000;
const bodies: Readonly<Record<string, readonly [before: string, unit: string, after: string]>> = {
  acks: ['{"d":[', '{"e":"x"},', '{"e":"x"}]}'],
  'an array': ['{"x":[', '1,', '1]}'],
  'empty arrays': ['{"x":[', '[],', '1]}'],
  'deep arrays': ['{"x":[', `${'['.repeat(100)}${']'.repeat(100)},`, '1]}'],
  keys: ['{"x":{', '"k":1,', '"k":1}}'],
  'keys at the top': ['{', '"k":1,', '"k":1}'],
  'escaped keys': ['{', '"\\n":{},', '"k":1}'],
  'short strings': ['{"x":[', '"\\n",', '1]}'],
  'strings that are just long': ['{"x":[', `"${'a'.repeat(600)}",`, '1]}'],
  'strings that are long': ['{"x":[', `"${'a'.repeat(30_000)}",`, '1]}'],
  'a string': ['{"x":"', 'a', '"}'],
  'an escaped string': ['{"x":"', '\\u0041', '"}'],
  'escaped quotes': ['{"x":"', '\\"', '"}'],
  'an escaped key': ['{"', '\\u0041', '":1}'],
  'a text': ['{"a":"', 'é', '"}'],
  'a payload': ['{"b":"', 'AAAA', '"}'],
  'an escaped payload': ['{"b":"', '\\/\\/\\/\\/', '"}'],
  'what is no payload at its end': ['{"b":"', 'AAAA', '-AAA"}'],
  'white space': ['{"x":', ' \n', '1}'],
  'runs of white space': ['{"x":[', `${' '.repeat(500)}1,`, '1]}'],
  'a number': ['{"x":', '1', '}'],
  'an integer': ['{"c":', '1', '}'],
};

for (const [what, [before, unit, after]] of Object.entries(bodies)) {
  test(`others have their turns while megabytes are read that hold ${what}`, async () => {
    const body = Buffer.from(before + unit.repeat(BYTES / Buffer.byteLength(unit)) + after);
    const read = object({}, { a: string, b: base64, c: u64, d: list(object({ e: string })) });
    let turns = 0;
    let isRead = false;
    const count = (): void => {
      turns++;
      if (!isRead) setImmediate(count);
    };
    setImmediate(count);
    await parseLongJson(body, read).catch(() => {});
    isRead = true;
    // What is read natively half a megabyte at a time; everything else in pieces that are much smaller.
    const isNative =
      what === 'a payload' || what === 'white space' || what === 'a number' || what === 'an integer';
    assert.ok(turns >= BYTES / (isNative ? 524_288 : 32_768), `${turns} turns`);
  });
}

test('of a list some hundred elements are read between two turns, not all', async () => {
  let inTurn = 0;
  let most = 0;
  let isRead = false;
  const next = (): void => {
    inTurn = 0;
    if (!isRead) setImmediate(next);
  };
  setImmediate(next);
  const counted: Read<number> = (json) => {
    most = Math.max(most, ++inTurn);
    return json.u32();
  };
  const { a } = await parseLongJson(
    Buffer.from(`{"a":[${'1,'.repeat(1_000_000)}1]}`),
    object({ a: list(counted) }),
  );
  isRead = true;
  assert.equal(a.length, 1_000_001);
  // A piece of 16 KiB, and what is kept for the next element.
  assert.ok(most <= 12_288, `${most} in a turn`);
});
