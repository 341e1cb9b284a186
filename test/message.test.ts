import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkName, parseUuid } from '../src/fields.ts';

test('every accepted form of a UUID is the same lower-case hyphenated one', () => {
  const upper = fc.func(fc.boolean());
  fc.assert(
    fc.property(
      fc.uuid({ version: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] }),
      upper,
      (id, isUpper) => {
        const mixed = (text: string) =>
          [...text].map((c, at) => (isUpper(at) ? c.toUpperCase() : c)).join('');
        for (const form of [id, id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`]) {
          assert.equal(parseUuid(mixed(form)), id);
        }
      },
    ),
  );
  const nil = '00000000-0000-0000-0000-000000000000';
  assert.equal(parseUuid(nil), nil);
});

test('nothing else is a UUID', () => {
  const id = '0b6e0f2c-7f3c-4c1e-9a57-2f6f0f6d9a01';
  const digits = id.replaceAll('-', '');
  const others = [
    '',
    `{${digits}}`,
    `urn:uuid:${digits}`,
    `urn:uuid:{${id}}`,
    `{urn:uuid:${id}}`,
    `{${id}`,
    `${id}}`,
  ];
  const spaced = [` ${id}`, `${id} `, `${id}\n`, `{ ${id}}`, `uuid:${id}`, `[${id}]`, `{{${id}}}`];
  const wrong = [
    id.slice(1),
    `${id}0`,
    id.replace('0b', '0g'),
    id.replace('-', ''),
    id.replace('-', '_'),
    digits.slice(1),
  ];
  const shifted = [
    `${digits.slice(0, 7)}-${digits.slice(7)}`,
    id.replaceAll('-', '--'),
    '０b6e0f2c-7f3c-4c1e-9a57-2f6f0f6d9a01',
  ];
  for (const text of [...others, ...spaced, ...wrong, ...shifted])
    assert.equal(parseUuid(text), undefined, text);
});

test('a name is blank when it is empty or holds only White_Space of Unicode', () => {
  for (const blank of [
    '',
    ' ',
    '\t\n\v\f\r',
    '\u0085',
    '\u00a0',
    '\u1680',
    '\u2000\u200a',
    '\u2028',
    '\u2029',
    '\u202f',
    '\u205f',
    '\u3000',
  ]) {
    assert.throws(
      () => checkName('recipient', blank),
      { message: 'recipient required' },
      JSON.stringify(blank),
    );
  }
  for (const name of ['\ufeff', '\u200b', '\u180e', '\0', ' x ', '0']) checkName('recipient', name);
});

test('a name has at most 256 bytes of UTF-8, whatever their number of characters', () => {
  for (const [character, bytes] of [
    ['a', 1],
    ['é', 2],
    ['漢', 3],
    ['😀', 4],
  ] as const) {
    const most = Math.floor(256 / bytes);
    checkName('kind', character.repeat(most));
    assert.throws(() => checkName('kind', character.repeat(most) + 'a'.repeat(257 - most * bytes)), {
      code: 'invalid_input',
      message: 'kind too long',
    });
  }
});
