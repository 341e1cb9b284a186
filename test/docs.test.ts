import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { generatedFiles } from '../scripts/generated.ts';
import { defaultConfig, parseToml } from '../src/config.ts';
import { errorCatalogue } from '../src/errors.ts';
import { startTestRelay } from './helpers.ts';
import { repository } from './program.ts';

const read = (name: string) => readFileSync(join(repository, name), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

for (const [name, text] of generatedFiles()) {
  test(`${name} is what npm run docs writes`, () => {
    assert.equal(read(name), text);
  });
}

test('the sample configuration is valid, and every key but two is the default', () => {
  const { config, warnings } = parseToml(read('deploy/relay.toml'));
  assert.deepEqual(warnings, []);
  const storage = { ...defaultConfig.storage, path: '/var/lib/enigma-relay' };
  assert.deepEqual(config, { ...defaultConfig, address: '0.0.0.0:7000', storage });
});

test('the systemd unit reloads by SIGHUP, is hardened, and lets V8 compile', () => {
  const unit = read('deploy/enigma-relay.service');
  for (const setting of [
    'ExecReload=/bin/kill -HUP $MAINPID',
    'ProtectSystem=strict',
    'NoNewPrivileges=yes',
  ]) {
    assert.ok(unit.includes(`\n${setting}\n`), setting);
  }
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute/m);
});

test('the curl lines of the README answer as it says', { skip: !hasCurl && 'no curl here' }, async (t) => {
  const relay = await startTestRelay(t);
  const examples = [...read('README.md').matchAll(/^(curl .*)\n# (.*)$/gm)];
  assert.equal(examples.length, 5);
  for (const [, line = '', answer = ''] of examples) {
    const command = line.replaceAll('http://127.0.0.1:7000', relay.baseUrl);
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    const [head = '', ...rest] = answer.split('…');
    assert.ok(stdout.startsWith(head), stdout);
    assert.ok(stdout.endsWith(rest.at(-1) ?? ''), stdout);
    if (rest.length === 0) assert.equal(stdout, answer);
  }
});

test('the README names every error code that a request can get, with its status', () => {
  const rows = [...read('README.md').matchAll(/^\| `(\w+)` \| (\d+)/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const later = ['unauthorized', 'forbidden'];
  const codes = Object.entries(errorCatalogue).filter(
    ([code, row]) => !('isOfStart' in row) && !later.includes(code),
  );
  assert.deepEqual(
    rows,
    codes.map(([code, { status }]) => [code, status]),
  );
});

test('what the documentation links to is there', () => {
  const inDirectory = (name: string) =>
    readdirSync(join(repository, name), { recursive: true, encoding: 'utf8' });
  const pages = [
    ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
    ...inDirectory('docs').map((name) => join('docs', name)),
  ].filter((name) => name.endsWith('.md'));
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^\w+:/.test(target)) continue;
      assert.ok(existsSync(join(repository, dirname(page), target)), `${page} links to ${target}`);
    }
  }
});
