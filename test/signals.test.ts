import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { resolveConfig } from '../src/config.ts';
import { printConfig } from '../src/config-text.ts';
import { pipeFile, whenRead } from './pipes.ts';
import { lineWith, makeDirectory, repository, spawnProgram, urlOfProgram } from './program.ts';

const certificates = join(repository, 'test', 'certificates');
const memory = printConfig(resolveConfig({ address: '127.0.0.1:0', storage: { kind: 'memory' } }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} before the configuration is read lets the start finish, then ends the program with 0`, async (t) => {
    const config = pipeFile(join(await makeDirectory(t), 'relay.toml'));
    const program = spawnProgram(t, ['--config', config]);
    const ended = once(program, 'exit');
    await whenRead(config, memory, () => program.kill(signal));
    await lineWith(program.stderr, 'the relay stops');
    assert.deepEqual(await ended, [0, null]);
  });
}

test('a second signal during the start ends the program at once', async (t) => {
  const directory = await makeDirectory(t);
  const storage = { path: join(directory, 'store') };
  await urlOfProgram(spawnProgram(t, ['--address', '127.0.0.1:0', '--storage-path', storage.path]));
  const config = pipeFile(join(directory, 'relay.toml'));
  // Its start waits for the other relay to let go of the store.
  const program = spawnProgram(t, ['--config', config]);
  const ended = once(program, 'exit');
  const text = printConfig(resolveConfig({ address: '127.0.0.1:0', storage }));
  await whenRead(config, text, () => program.kill('SIGTERM'));
  await lineWith(program.stderr, 'the relay stops');
  program.kill('SIGINT');
  assert.deepEqual(await ended, [130, null]);
});

test('SIGHUP while the program is loaded makes the relay read the TLS files again once it listens', async (t) => {
  const config = join(await makeDirectory(t), 'relay.toml');
  const file = join(certificates, 'rsa.pem');
  await writeFile(config, tlsConfig(file, file));
  const program = spawnProgram(t, ['--config', config], { nodeArgs: signalAtOnce('SIGHUP') });
  await lineWith(program.stderr, 'SIGHUP: the TLS files were read again');
});

test('SIGHUP during the start makes the relay read the TLS files again once it listens', async (t) => {
  const { program, cert, key } = await relayThatReadsItsKey(t);
  const url = urlOfProgram(program);
  await whenRead(key, await pemOf('rsa'), async () => {
    await rm(key);
    for (const file of [cert, key]) await copyFile(join(certificates, 'ec.pem'), file);
    program.kill('SIGHUP');
  });
  await lineWith(program.stderr, 'SIGHUP: the TLS files were read again');
  const { hostname, port } = new URL(await url);
  const socket = connect({ host: hostname, port: Number(port), ca: await pemOf('ca') });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  assert.equal(CN, 'ec');
});

for (const [when, leave] of [
  ['was told of', "process.once('SIGTERM', () => signals.leave()); process.kill(process.pid, 'SIGTERM');"],
  ['was not told of yet', "process.kill(process.pid, 'SIGTERM'); signals.leave();"],
]) {
  test(`what is no relay is ended by a signal that it ${when} before it left them to the system`, async () => {
    const script = `
      import { Signals } from '${new URL('../src/signals.js', import.meta.url)}';
      const signals = new Signals();
      ${leave}
      setInterval(() => {}, 1000);`;
    const program = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    assert.deepEqual(await once(program, 'exit'), [null, 'SIGTERM']);
  });
}

/** Makes the program send itself this signal as soon as it minds it. */
function signalAtOnce(signal: NodeJS.Signals): string[] {
  const script = `process.on('newListener', (name) => {
    if (name === '${signal}') setImmediate(() => process.kill(process.pid, name));
  })`;
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
}

/** A relay in mode tls whose key is a pipe: it waits in its start until somebody writes one. */
async function relayThatReadsItsKey(t: TestContext) {
  const directory = await makeDirectory(t);
  const [cert, config] = [join(directory, 'cert.pem'), join(directory, 'relay.toml')];
  const key = pipeFile(join(directory, 'key.pem'));
  await copyFile(join(certificates, 'rsa.pem'), cert);
  await writeFile(config, tlsConfig(cert, key));
  return { program: spawnProgram(t, ['--config', config]), cert, key };
}

function tlsConfig(certPemPath: string, keyPemPath: string): string {
  const tls = { certPemPath, keyPemPath };
  return printConfig(
    resolveConfig({ mode: 'tls', address: '127.0.0.1:0', tls, storage: { kind: 'memory' } }),
  );
}

function pemOf(name: string): Promise<string> {
  return readFile(join(certificates, `${name}.pem`), 'utf8');
}
