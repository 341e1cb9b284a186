import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseToml, snakeCase } from '../../src/config.ts';
import { printConfig } from '../../src/config-text.ts';
import { RelayError } from '../../src/errors.ts';
import { listOptions } from '../../src/options.ts';
import type { Target } from './target.ts';

const FILE = 'relay.toml';

const keys = listOptions().map(({ path }) => path.map(snakeCase).join('.'));
const key = fc.oneof(
  { arbitrary: fc.constantFrom(...keys), weight: 20 },
  {
    arbitrary: fc.constantFrom('relay', 'tls.x', 'rate_limit.endpoint.push_rps', '"\\n"', '__proto__.x', 'x'),
    weight: 1,
  },
);
const strings = [
  'http',
  'tls',
  'disk',
  'memory',
  'sled',
  'postgres',
  'info',
  '[::1]:0',
  '127.0.0.1:7000',
  '10.0.0.0/8',
  '',
];
const scalar = fc.oneof(
  fc.constantFrom(...strings).map((text) => `"${text}"`),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)),
  fc.bigInt(-1n, 3n).map(String),
  fc.bigInt(0n, 2n ** 65n).map(String),
  fc.constantFrom(
    '9_223_372_036_854_775_807',
    '9223372036854775808',
    '0x10',
    '1.0',
    '1e3',
    '-0',
    '+7',
    'inf',
    'nan',
    '1__0',
  ),
  fc.constantFrom(
    'true',
    'false',
    'True',
    '1979-05-27',
    '07:32:00',
    '1979-05-27T07:32:00Z',
    "'''x'''",
    '"""\n"""',
    '',
  ),
);
const value = fc.oneof(
  { arbitrary: scalar, weight: 6 },
  { arbitrary: fc.array(scalar, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`), weight: 1 },
  { arbitrary: fc.constantFrom('{}', '{ x = 1 }', '[[]]', '[', '{'), weight: 1 },
);
const line = fc.oneof(
  { arbitrary: fc.tuple(key, value).map(([name, text]) => `${name} = ${text}`), weight: 20 },
  { arbitrary: fc.constantFrom('[relay]', '[[tls]]', '[x', '# \u0000', '\ufeff', '=', '\r', ''), weight: 1 },
);
const file = fc
  .tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n'))
  .map(([lines, end]) => lines.join(end));

/** A configuration file is refused with a sentence that names the file, or means something that can be printed and read again. */
export const toml: Target = {
  name: 'toml',
  runs: 1_000,
  async open() {
    const property = fc.asyncProperty(fc.oneof(file, fc.string({ unit: 'binary' })), async (text) => {
      let read: ReturnType<typeof parseToml>;
      try {
        read = parseToml(text, FILE);
      } catch (error) {
        assert.ok(error instanceof RelayError, String(error));
        assert.ok(error.code === 'feature_disabled' || error.code === 'config_error', error.code);
        assert.ok(
          error.message.startsWith(error.code === 'config_error' ? FILE : 'storage.kind'),
          error.message,
        );
        assert.doesNotMatch(error.message, /\n/);
        return;
      }
      assert.deepEqual(parseToml(printConfig(read.config)), { config: read.config, warnings: [] });
    });
    return { property, close: async () => {} };
  },
};
