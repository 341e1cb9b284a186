import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Target } from './target.ts';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

const text = fc.oneof(
  fc.constantFrom(
    '127.0.0.1:0',
    '[::1]:1',
    'x',
    '',
    ' ',
    '/dev/null',
    '/',
    '/no/such/file',
    '-',
    '--',
    '=',
    '\n',
    'é',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }).map((any) => any.replaceAll('\0', '')),
);
const option = fc.constantFrom(
  '--config',
  '--address',
  '--storage-path',
  '--check-config',
  '--x',
  '-x',
  '--no-config',
  '-c',
);
const argument = fc.oneof(
  option,
  text,
  fc.tuple(option, text).map(([name, value]) => `${name}=${value}`),
);

/** Whatever it is called with, the program checks it and ends: with status 0, or with 1 and a line that says why. */
export const cliArguments: Target = {
  name: 'cli',
  runs: 4,
  async open() {
    const property = fc.asyncProperty(fc.array(argument, { maxLength: 4 }), async (args) => {
      const program = spawn(process.execPath, [cli, '--check-config', ...args], {
        cwd: tmpdir(),
        timeout: 10_000,
      });
      let stderr = '';
      program.stderr.setEncoding('utf8').on('data', (piece) => {
        stderr += piece;
      });
      program.stdout.resume();
      const [status, signal] = await once(program, 'close');
      assert.equal(signal, null, 'it does not end');
      if (status === 0) return;
      assert.equal(status, 1);
      assert.match(stderr, /^enigma-relay: (?:config_error|feature_disabled): [^\n]+\n$/);
    });
    return { property, close: async () => {} };
  },
};
