import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseToml, resolveConfig } from '../src/config.ts';
import { printConfig } from '../src/config-text.ts';
import { message, post } from './helpers.ts';
import { lineWith, makeDirectory, repository, runProgram, spawnProgram, urlOfProgram } from './program.ts';

const certificates = join(repository, 'test', 'certificates');

test('the program prints one line with the URL where it answers, and logs to stderr', async (t) => {
  const directory = await makeDirectory(t);
  const program = spawnProgram(t, ['--address', '127.0.0.1:0', '--storage-path', join(directory, 'store')]);
  let stdout = '';
  program.stdout.on('data', (piece) => {
    stdout += piece;
  });
  const baseUrl = await urlOfProgram(program);
  assert.match(baseUrl, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await post({ baseUrl }, '/push', message(1))).status, 200);
  program.kill('SIGTERM');
  await once(program, 'close');
  assert.equal(stdout, `enigma-relay listening on ${baseUrl}\n`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the program with 0 though an idle client holds a connection`, async (t) => {
    const directory = await makeDirectory(t);
    const program = spawnProgram(t, ['--storage-path', directory]);
    const { hostname, port } = new URL(await urlOfProgram(program));
    const client = connect(Number(port), hostname).on('error', () => {});
    t.after(() => client.destroy());
    await once(client, 'connect');
    program.kill(signal);
    assert.deepEqual(await once(program, 'exit'), [0, null]);
  });
}

test('a second signal ends the program at once', async (t) => {
  const directory = await makeDirectory(t);
  const program = spawnProgram(t, ['--storage-path', directory]);
  const { hostname, port } = new URL(await urlOfProgram(program));
  const client = connect(Number(port), hostname).on('error', () => {});
  t.after(() => client.destroy());
  // A request on its way keeps a stop waiting.
  client.write(
    'POST /push HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n',
  );
  await once(client, 'data');
  program.kill('SIGTERM');
  await lineWith(program.stderr, 'the relay stops');
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [143, null]);
});

test('SIGHUP means nothing to a relay without TLS', async (t) => {
  const directory = await makeDirectory(t);
  const program = spawnProgram(t, ['--storage-path', directory]);
  let stderr = '';
  program.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const baseUrl = await urlOfProgram(program);
  program.kill('SIGHUP');
  assert.equal((await post({ baseUrl }, '/push', message(1))).status, 200);
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'close'), [0, null]);
  assert.doesNotMatch(stderr, /SIGHUP/);
});

test('SIGHUP keeps the old certificate when the new one is bad, and says so', async (t) => {
  const directory = await makeDirectory(t);
  const [cert, key, file] = ['cert.pem', 'key.pem', 'relay.toml'].map((name) => join(directory, name));
  assert.ok(cert && key && file);
  await copyFile(join(certificates, 'rsa.pem'), cert);
  await copyFile(join(certificates, 'rsa.pem'), key);
  const tls = { certPemPath: cert, keyPemPath: key };
  await writeFile(file, printConfig(resolveConfig({ mode: 'tls', tls, storage: { kind: 'memory' } })));
  const program = spawnProgram(t, ['--config', file]);
  assert.match(await urlOfProgram(program), /^https:/);
  program.kill('SIGHUP');
  await lineWith(program.stderr, 'were read again');
  await writeFile(cert, 'no certificate');
  program.kill('SIGHUP');
  assert.match(await lineWith(program.stderr, 'the old certificate stays'), /cert\.pem/);
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [0, null]);
});

test('what is printed as the configuration in effect parses to it again', async (t) => {
  const directory = await makeDirectory(t);
  const file = join(directory, 'relay.toml');
  await writeFile(
    file,
    '\ufeff[rate_limit]\ntrusted_proxies = ["10.0.0.0/8"]\n[relay]\nmessage_ttl_seconds = 9223372036854775807',
  );
  const path = join(directory, 'a "quoted" \\ path');
  const printed = await runProgram(t, [
    '--config',
    file,
    '--address',
    '[::1]:7000',
    '--storage-path',
    path,
    '--print-config',
  ]);
  assert.deepEqual([printed.status, printed.stderr], [0, '']);
  const expected = resolveConfig({
    address: '[::1]:7000',
    storage: { path },
    relay: { messageTtlSeconds: 2n ** 63n - 1n },
    rateLimit: { trustedProxies: ['10.0.0.0/8'] },
  });
  assert.deepEqual(parseToml(printed.stdout), { config: expected, warnings: [] });
});

test('a configuration is checked without a start, and unknown keys are warned about', async (t) => {
  const directory = await makeDirectory(t);
  await writeFile(join(directory, 'relay.toml'), '[storage]\npth = "elsewhere"');
  const checked = await runProgram(t, ['--config', 'relay.toml', '--check-config'], { cwd: directory });
  assert.equal(checked.status, 0);
  assert.equal(
    checked.stderr,
    'enigma-relay: warning: relay.toml: unknown key storage.pth, did you mean storage.path? It is ignored\n',
  );
  assert.ok(!existsSync(join(directory, 'relay_db')));
});

test('with mode tls a check reads the TLS files, and says what a start would say of them', async (t) => {
  const directory = await makeDirectory(t);
  const [certPemPath, keyPemPath] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const file = join(directory, 'relay.toml');
  const config = resolveConfig({
    mode: 'tls',
    tls: { certPemPath, keyPemPath },
    storage: { kind: 'memory' },
  });
  await writeFile(file, printConfig(config));
  await copyFile(join(certificates, 'rsa.pem'), certPemPath);
  for (const [key, what] of [
    [undefined, /^enigma-relay: tls_error: tls\.key_pem_path ".*key\.pem" cannot be read/],
    ['ec.pem', /^enigma-relay: tls_error: tls\.key_pem_path ".*key\.pem" does not belong/],
  ] as const) {
    if (key !== undefined) await copyFile(join(certificates, key), keyPemPath);
    const checked = await runProgram(t, ['--config', file, '--check-config']);
    assert.deepEqual([checked.status, checked.stdout], [1, '']);
    assert.match(checked.stderr, what);
    assert.deepEqual(await runProgram(t, ['--config', file]), checked);
  }
  await copyFile(certPemPath, keyPemPath);
  const checked = await runProgram(t, ['--config', file, '--check-config']);
  assert.deepEqual(checked, { status: 0, stdout: 'the configuration is valid\n', stderr: '' });
});

for (const [what, args, line] of [
  ['an unknown flag', ['--colour'], /^enigma-relay: config_error: Unknown option '--colour'; .*--help/],
  ['a stray argument', ['relay.toml'], /^enigma-relay: config_error: Unexpected argument 'relay\.toml'/],
  [
    'an argument with a line break',
    ['a\n\u001b[2J'],
    /^enigma-relay: config_error: Unexpected argument 'a\\u000a\\u001b\[2J'/,
  ],
  ['a flag without its value', ['--config'], /^enigma-relay: config_error: Option '--config/],
  [
    'a missing file',
    ['--config', 'nowhere.toml'],
    /^enigma-relay: config_error: nowhere\.toml cannot be read \(ENOENT/,
  ],
  [
    'a wrong address',
    ['--address', '7000'],
    /^enigma-relay: config_error: address must be host:port.* found "7000"/,
  ],
] as const) {
  test(`${what} is one plain line on stderr and exit status 1`, async (t) => {
    const { status, stdout, stderr } = await runProgram(t, [...args]);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, line);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
}

test('an address in use is a plain line that names it', async (t) => {
  const directory = await makeDirectory(t);
  const first = spawnProgram(t, ['--storage-path', join(directory, 'first')]);
  const address = new URL(await urlOfProgram(first)).host;
  const { status, stderr } = await runProgram(t, [
    '--address',
    address,
    '--storage-path',
    join(directory, 'second'),
  ]);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`enigma-relay: config_error: address "${address}" cannot be listened on`));
});

test('a file that is not UTF-8 is refused', async (t) => {
  const directory = await makeDirectory(t);
  await writeFile(join(directory, 'relay.toml'), Buffer.from([0x23, 0xff]));
  const { status, stderr } = await runProgram(t, ['--config', 'relay.toml'], { cwd: directory });
  assert.equal(status, 1);
  assert.match(stderr, /^enigma-relay: config_error: relay\.toml cannot be read/);
});

test('a reader of stdout that has gone away does not end the program', async (t) => {
  const directory = await makeDirectory(t);
  const program = spawnProgram(t, ['--storage-path', directory]);
  program.stdout.destroy();
  await lineWith(program.stderr, 'listening');
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [0, null]);
});

test('the help names every flag, and the version is that of the package', async (t) => {
  const help = await runProgram(t, ['--help']);
  for (const flag of [
    'json',
    'repair',
    'config',
    'address',
    'storage-path',
    'check-config',
    'print-config',
    'help',
    'version',
  ]) {
    assert.ok(help.stdout.includes(`--${flag}`), flag);
  }
  const version = await runProgram(t, ['--version']);
  assert.match(version.stdout, /^enigma-relay \d+\.\d+\.\d+\n$/);
  assert.deepEqual([help.status, version.status], [0, 0]);
  assert.deepEqual(await runProgram(t, ['verify', '--repair', '--help']), help);
  assert.deepEqual(await runProgram(t, ['backup', '-h']), help);
});
