import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { readAddress } from '../../src/address.ts';
import { decodeCursor } from '../../src/cursor.ts';
import { parseUuid } from '../../src/fields.ts';
import type { Target } from './target.ts';

function target(
  name: string,
  runs: number,
  arbitrary: fc.Arbitrary<string>,
  check: (text: string) => void,
): Target {
  const property = fc.asyncProperty(arbitrary, async (text) => check(text));
  return { name, runs, open: async () => ({ property, close: async () => {} }) };
}

/** Text of the characters that matter, or of any. */
function textOf(...parts: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((all) => all.join('')),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
}

const digits = textOf(
  '0',
  '1',
  '9',
  '18446744073709551615',
  '-',
  '+',
  '.',
  'e',
  ' ',
  '\n',
  '\u0661',
  'a',
  ':',
);
const cursorText = fc
  .tuple(textOf('a', ':', 'é', '\0', '\u{1f600}'), digits)
  .map(([name, end]) => `${name}:${end}`);

/** Cursors mean what a plain reading of their rule says. */
const cursors = target(
  'cursors',
  3_000,
  fc.oneof(
    cursorText.map((text) => Buffer.from(text).toString('base64')),
    textOf('YTox', 'YTo', 'A', '=', '-', '_', '/', '+', ' ', '\n', 'é'),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  ),
  (cursor) => assert.deepEqual(decodeCursor(cursor), readCursor(cursor)),
);

function readCursor(cursor: string): ReturnType<typeof decodeCursor> {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(cursor)) return undefined;
  if (btoa(atob(cursor)) !== cursor) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(cursor, 'base64'));
  } catch {
    return undefined;
  }
  const [, recipient = '', seq] = /^([\s\S]*):([0-9]+)$/.exec(text) ?? [];
  if (seq === undefined || BigInt(seq) >= 2n ** 64n) return undefined;
  return { recipient, seq: Math.min(Number(seq), Number.MAX_SAFE_INTEGER) };
}

/** An address that is taken is its host and its port, and nothing besides. */
const addresses = target(
  'addresses',
  3_000,
  textOf(
    ...[
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[',
      ']',
      '::',
      ':',
      '0',
      '7000',
      '65535',
      '65536',
      '-1',
      ' ',
      '\n',
      '/',
      '%',
      '@',
      'é',
    ],
  ),
  (text) => {
    const address = readAddress(text);
    if (address === undefined) return;
    const { host, port } = address;
    assert.ok(isIPv6(host) || /^[^\s:/[\]]+$/.test(host), host);
    const end = text.slice(isIPv6(host) ? host.length + 2 : host.length);
    assert.match(end, /^:[0-9]{1,5}$/);
    assert.deepEqual([text.includes(host), Number(end.slice(1))], [true, port]);
    assert.ok(port <= 65_535);
  },
);

const hex = '0123456789abcdef0123456789ABCDEF';
const hyphenated = '01234567-89ab-cdef-0123-456789ABCDEF';

/** What is taken for a UUID holds 32 digits in one of four forms. */
const uuids = target(
  'uuids',
  3_000,
  textOf(
    'urn:uuid:',
    'URN:UUID:',
    '{',
    '}',
    hex,
    hyphenated,
    '-',
    '0',
    'a',
    'G',
    ' ',
    '\n',
    '\u0130',
    '\uff10',
  ),
  (text) => {
    const digits = text.replace(/^urn:uuid:(?=.{36}$)/i, '').replace(/^\{(.{36})\}$/, '$1');
    const plain = digits === text && /^[0-9a-f]{32}$/i.test(text);
    const isUuid = plain || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(digits);
    const value = parseUuid(text);
    assert.equal(value?.replaceAll('-', ''), isUuid ? digits.replaceAll('-', '').toLowerCase() : undefined);
    if (value !== undefined) assert.match(value, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  },
);

export const words: readonly Target[] = [cursors, addresses, uuids];
