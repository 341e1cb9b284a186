import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from './program.ts';

/** What a process that logs and ends at once leaves on stderr. */
function logged(level: string, terminal: boolean, stderr: 'pipe' | number = 'pipe') {
  const script = `
    import { createLog } from '${new URL('../src/log.js', import.meta.url)}';
    const log = createLog('${level}', ${terminal});
    log.debug({}, 'too fine');
    log.info({ port: 7000 }, 'a sentence');
    log.error({ err: new Error('the cause') }, 'the last words');
    process.exit(7);`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', stderr],
  });
}

test('a log is one JSON object a line on stderr, with the level as a word and the time in ISO form', () => {
  const { stderr, stdout } = logged('info', false);
  const [info, error, ...rest] = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { time, ...fields } = info;
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(fields, { level: 'info', port: 7000, msg: 'a sentence' });
  assert.equal(error.err.message, 'the cause');
  assert.deepEqual([rest, stdout], [[], '']);
});

test('a terminal gets lines made for reading, the last words of a process too', () => {
  const { stderr } = logged('info', true);
  assert.match(stderr, /INFO.*a sentence/);
  assert.match(stderr, /ERROR.*the last words/);
  assert.doesNotMatch(stderr, /too fine/);
});

test('a silent log says nothing', () => {
  assert.equal(logged('silent', false).stderr, '');
});

test('a log that cannot be written does not end the process', { skip: process.platform !== 'linux' }, () => {
  assert.equal(logged('info', false, openSync('/dev/full', 'w')).status, 7);
});

test('docs/operating.md tells every line of the log, its level, and none besides', async () => {
  const source = join(repository, 'src');
  const files = await readdir(source, { recursive: true });
  const texts = await Promise.all(
    files.filter((name) => name.endsWith('.ts')).map((name) => readFile(join(source, name), 'utf8')),
  );
  const calls = /\blog(?:ger)?\.(info|warn|error)\(\s*\{[^}]*\},\s*'([^']+)'/gi;
  const real = texts.flatMap((text) =>
    [...text.matchAll(calls)].map(([, level, line]) => `${level} ${line}`),
  );
  const page = await readFile(join(repository, 'docs', 'operating.md'), 'utf8');
  const told = [...page.matchAll(/^\| (\w+) \| `([^`]+)` \|/gm)].map(([, level, line]) => `${level} ${line}`);
  assert.deepEqual(told.sort(), real.sort());
});
