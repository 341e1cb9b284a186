import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64, list, object, parseJson, string, u32, u64 } from '../src/json.ts';
import { anything, edited, isJson, parse } from './json-text.ts';

const shape = object({ a: string }, { b: u64, c: object({ d: u32 }) });

test('what is JSON is read, whatever it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
      assert.equal(parse(JSON.stringify(value, null, indent), anything), 'read');
    }),
  );
});

test('JSON with a character changed, left out or put in is read exactly when JSON.parse reads it', () => {
  const characters = fc.constantFrom(...'{}[]":,\\ \t\n\r0123456789.eE+-truefalsn\0\u001f/b\u00a0\ufeff');
  fc.assert(
    fc.property(
      fc.json(),
      fc.array(fc.tuple(fc.nat(), fc.nat(2), characters), { maxLength: 3 }),
      (original, edits) => {
        const text = edited(original, edits);
        assert.equal(parse(text, anything) === 'read', isJson(text), JSON.stringify(text));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('numbers are read exactly when JSON.parse reads them', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789.eE+-'), minLength: 1, maxLength: 8 });
  fc.assert(fc.property(text, (number) => (parse(number, anything) === 'read') === isJson(number)));
});

test('any string comes back as it was, however it is escaped', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (value, escaped) => {
      const plain = JSON.stringify(value);
      const escapes = [...Array(value.length).keys()].map(
        (at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`,
      );
      assert.equal(parse(escaped ? `"${escapes.join('')}"` : plain, string), value);
    }),
  );
});

test('a lone surrogate is refused in any string, key or unknown value', () => {
  for (const half of ['\\ud800', '\\uDFFF', '\\ud83d\\ud83d', '\\ude00\\ud83d', '\\ud800x\\udc00']) {
    assert.match(String(parse(`{"a":"${half}"}`, shape)), /^a has a lone surrogate/);
    assert.match(String(parse(`{"a":"","x":["${half}"]}`, shape)), /surrogate/);
    assert.match(String(parse(`{"a":"","${half}":1}`, shape)), /surrogate/);
    assert.match(String(parse(`{"a":"","x":{"${half}":1}}`, shape)), /surrogate/);
  }
  assert.deepEqual(parse('{"a":"\\ud83d\\ude00"}', object({ a: string })), { a: '😀' });
});

test('what is not UTF-8 is refused, wherever it is', () => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    const body = Buffer.concat([Buffer.from('{"a":"","x":"'), Buffer.from(bytes), Buffer.from('"}')]);
    assert.equal(parse(body, shape), 'body is not UTF-8');
  }
});

test('an empty body, a BOM, trailing garbage and a second value are refused', () => {
  for (const text of [
    '',
    ' ',
    '\ufeff{"a":""}',
    '{"a":""}x',
    '{"a":""}{"a":""}',
    '{"a":""},',
    '{"a":""}\0',
  ]) {
    assert.match(String(parse(text, shape)), /^body /, JSON.stringify(text));
  }
  assert.equal(typeof parse(' \t\r\n{ "a" : "" } \n', shape), 'object');
});

test('a known key may come once, however it is written; an unknown one as often as it likes', () => {
  assert.equal(parse('{"a":"","a":""}', shape), 'a is given twice');
  assert.equal(parse('{"a":"","\\u0061":""}', shape), 'a is given twice');
  assert.equal(parse('{"a":"","b":null,"b":null}', shape), 'b is given twice');
  assert.equal(parse('{"a":"","c":{"d":1,"d":1}}', shape), 'd is given twice');
  assert.equal(parse('[{"a":""},{"a":"","a":""}]', list(shape)), 'a is given twice');
  assert.deepEqual(parse('{"A":1,"a":"","A":2,"x":{"a":1,"a":2}}', object({ a: string })), { a: '' });
});

test('null is absence for optional keys, and an error for the others', () => {
  const absent = { a: '', b: undefined, c: undefined };
  assert.deepEqual(parse('{"a":""}', shape), absent);
  assert.deepEqual(parse('{"a":"","b":null,"c":null}', shape), absent);
  assert.equal(parse('{"a":null}', shape), 'a must be a string');
  assert.equal(parse('{"b":1}', shape), 'a is missing');
  assert.equal(parse('{"a":"","c":{}}', shape), 'd is missing');
  assert.match(String(parse('{"a":"","b":nul}', shape)), /^b is malformed JSON/);
  assert.match(String(parse('{"a":"","b" 1}', shape)), /^body is malformed JSON at character 12/);
});

test('keys with a meaning in JavaScript have none here', () => {
  const text = '{"__proto__":{"a":"x"},"constructor":1,"toString":1,"hasOwnProperty":1,"a":"y"}';
  assert.deepEqual(parse(text, object({ a: string })), { a: 'y' });
  assert.equal(parse('{"__proto__":{"a":"x"}}', shape), 'a is missing');
  assert.equal(({} as { a?: string }).a, undefined);
});

test('a value of another type is refused by the name of its field', () => {
  for (const value of ['1', 'true', '[]', '{}', 'null', '']) {
    assert.equal(parse(`{"a":${value}}`, shape), 'a must be a string');
  }
  for (const value of ['[]', '["x"]', '"x"', '1', 'null']) {
    assert.equal(parse(value, shape), 'body must be an object');
    assert.match(
      String(parse(`{"a":"","c":${value}}`, object({ a: string, c: shape }))),
      /^c must be an object/,
    );
  }
  assert.equal(parse('{"l":{"0":1}}', object({ l: list(u32) })), 'l must be an array');
});

test('integers are read digit for digit', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => assert.equal(parse(`${value}`, u64), value)),
  );
  fc.assert(fc.property(fc.nat(), (value) => assert.equal(parse(`${value}`, u32), value)));
  assert.equal(parse('4294967295', u32), 4_294_967_295);
});

test('integers that are out of range or written in another way are refused', () => {
  const written = [
    '1.0',
    '1e3',
    '1E0',
    '-0',
    '-1',
    '"1"',
    '01',
    '+1',
    '0x1',
    ' ',
    'true',
    '[1]',
    '1n',
    '1_0',
  ];
  for (const text of [...written, '18446744073709551616', '9'.repeat(10_000)]) {
    assert.match(String(parse(`{"b":${text},"a":""}`, shape)), /^b /, text);
  }
  for (const text of [...written, '4294967296', '9007199254740993']) {
    assert.match(String(parse(`{"c":{"d":${text}},"a":""}`, shape)), /^d /, text);
  }
});

test('deep nesting is refused, not failed on', () => {
  const nested = (depth: number) => `{"a":"","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.equal(typeof parse(nested(100), shape), 'object');
  for (const text of [nested(200), nested(1_000_000), `{"x":${'{"x":'.repeat(100_000)}`]) {
    assert.match(String(parse(text, shape)), /nested too deeply/);
  }
});

test('only canonical base64 has bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      assert.deepEqual(parseJson(Buffer.from(JSON.stringify(text)), base64), Buffer.from(bytes));
      assert.deepEqual(
        parseJson(Buffer.from(`"${text.replaceAll('/', '\\/')}"`), base64),
        Buffer.from(bytes),
      );
    }),
  );
  for (const text of [
    'YQ',
    'YQ=',
    'YR==',
    'YWF=',
    'YWJ=',
    'Y',
    '=',
    '====',
    'YQ==YQ==',
    ' YQ==',
    'YQ==\\n',
    '-_-_',
    'é',
  ]) {
    assert.equal(parseJson(Buffer.from(`"${text}"`), base64), undefined, text);
  }
});

test('a control character is malformed JSON in base64 too', () => {
  assert.match(String(parse('{"p":"YWJj\nYWJj"}', object({ p: base64 }))), /^p has a control character/);
  assert.match(
    String(parse('{"p":"YWJj\\xYWJj"}', object({ p: base64 }))),
    /^p has a control character or a wrong/,
  );
});
