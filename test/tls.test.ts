import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { RelayConfigInput } from '../src/config.ts';
import type { RelayError } from '../src/errors.ts';
import { type Log, silentLog } from '../src/log.ts';
import { type Relay, startRelay } from '../src/relay.ts';
import { systemClock } from '../src/stores/store.ts';
import { startTestRelay, testConfig } from './helpers.ts';
import { connectRaw, health } from './raw.ts';

const certificates = new URL('../../test/certificates/', import.meta.url);
const [ca, rsa, ec, client, stranger, int, intClient, crossed, nameless] = await Promise.all(
  ['ca', 'rsa', 'ec', 'client', 'stranger', 'int', 'intclient', 'crossed', 'nameless'].map((name) =>
    readFile(new URL(`${name}.pem`, certificates), 'utf8'),
  ),
);

/** A directory of its own with these files, and the TLS configuration that names them. */
async function writeTls(t: TestContext, files: { cert?: string; key?: string; clientCa?: string }) {
  const directory = await mkdtemp(join(tmpdir(), 'enigma-relay-tls-'));
  t.after(() => rm(directory, { recursive: true }));
  const certPemPath = join(directory, 'cert.pem');
  const keyPemPath = join(directory, 'key.pem');
  const clientCaPemPath = join(directory, 'ca.pem');
  if (files.cert !== undefined) await writeFile(certPemPath, files.cert);
  if (files.key !== undefined) await writeFile(keyPemPath, files.key);
  if (files.clientCa !== undefined) await writeFile(clientCaPemPath, files.clientCa);
  return { certPemPath, keyPemPath, ...(files.clientCa === undefined ? {} : { clientCaPemPath }) };
}

function startTlsRelay(t: TestContext, tls: NonNullable<RelayConfigInput['tls']>): Promise<Relay> {
  return startTestRelay(t, { mode: 'tls', tls });
}

/** The status of /health over a connection of its own, and who answered. */
async function getHealth(
  relay: Relay,
  options: ConnectionOptions = {},
): Promise<{ status: number; peer: string }> {
  const agent = new Agent({ ca, maxCachedSessions: 0, ...options });
  const request = httpsRequest(`${relay.baseUrl}/health`, { agent }).end();
  const [response] = await once(request, 'response');
  const { CN } = (response.socket as TLSSocket).getPeerCertificate().subject;
  response.resume();
  await once(response, 'end');
  agent.destroy();
  return { status: response.statusCode, peer: String(CN) };
}

const rsaKey = createPrivateKey(rsa ?? '');
const ecKey = createPrivateKey(ec ?? '');
const ecParameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

for (const [form, cert, key] of [
  ['PKCS#8', rsa, rsaKey.export({ type: 'pkcs8', format: 'pem' })],
  ['PKCS#1', rsa, rsaKey.export({ type: 'pkcs1', format: 'pem' })],
  ['SEC1, with its parameters before it', ec, ecParameters + ecKey.export({ type: 'sec1', format: 'pem' })],
  ['any, after the certificates in one file', rsa, `${ca}${rsa}`],
] as const) {
  test(`a key may be ${form}`, async (t) => {
    const relay = await startTlsRelay(t, await writeTls(t, { cert: `${cert}`, key: `${key}` }));
    assert.match(relay.baseUrl, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await getHealth(relay)).status, 200);
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version };

  test(`${version} is spoken, with HTTP/1.1`, async (t) => {
    const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}` }));
    const { hostname, port } = new URL(relay.baseUrl);
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca,
      ...only,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    assert.equal(socket.getProtocol(), version);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
  });

  test(`a ${version} client that comes back resumes its session`, async (t) => {
    const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}` }));
    const { hostname: host, port } = new URL(relay.baseUrl);
    const options = { host, port: Number(port), ca, ...only };
    const first = connect(options);
    const [session] = await once(first, 'session');
    first.destroy();
    const again = connect({ ...options, session });
    await once(again, 'secureConnect');
    assert.ok(again.isSessionReused());
    again.destroy();
  });

  test(`with a client CA, ${version} clients without its certificate get no answer`, async (t) => {
    const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa: `${ca}` });
    const relay = await startTlsRelay(t, tls);
    await assert.rejects(getHealth(relay, only));
    await assert.rejects(getHealth(relay, { ...only, cert: stranger, key: stranger }));
    assert.equal((await getHealth(relay, { ...only, cert: client, key: client })).status, 200);
  });
}

test('with a client CA and its root, clients of both are served, and no others', async (t) => {
  const clientCa = `${int}${ca}`;
  const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa }));
  await assert.rejects(getHealth(relay, { cert: stranger, key: stranger }));
  for (const pem of [client, intClient])
    assert.equal((await getHealth(relay, { cert: pem, key: pem })).status, 200);
});

for (const [order, clientCa] of [
  ['before', `${crossed}${ca}`],
  ['behind', `${ca}${crossed}`],
] as const) {
  test(`a root that another CA has signed too may stand there as such, ${order} itself`, async (t) => {
    const { log, warnings } = warningLog();
    const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa });
    const relay = await startTestRelay(t, { mode: 'tls', tls }, { log });
    assert.equal((await getHealth(relay, { cert: client, key: client })).status, 200);
    assert.deepEqual(warnings, []);
  });
}

test('of a client CA without its root, beside one that lets clients in, the log is warned', async (t) => {
  const clientCa = `${stranger}${int}`;
  const { log, warnings } = warningLog();
  const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa });
  const relay = await startTestRelay(t, { mode: 'tls', tls }, { log });
  assert.equal((await getHealth(relay, { cert: stranger, key: stranger })).status, 200);
  await assert.rejects(getHealth(relay, { cert: intClient, key: intClient }));
  const line = 'clients of a CA are refused: who issued it is missing';
  assert.deepEqual(warnings, [{ file: tls.clientCaPemPath, subject: 'CN=int', issuer: 'CN=ca', line }]);
});

test('older versions of TLS are refused', async (t) => {
  const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}` }));
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  await assert.rejects(getHealth(relay, old));
});

test('plain HTTP and garbage end their own connection only', async (t) => {
  const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}` }));
  for (const bytes of [health, 'garbage'.repeat(100), '\x16\x03\x01\x02\x00\x01']) {
    const connection = await connectRaw(t, relay);
    connection.socket.end(bytes);
    assert.doesNotMatch(await connection.ended(), /HTTP/);
  }
  assert.equal((await getHealth(relay)).status, 200);
});

for (const [what, files, expected] of [
  ['no certificate file', { key: rsa }, /cert_pem_path ".*cert\.pem" cannot be read/],
  ['no key file', { cert: rsa }, /key_pem_path ".*key\.pem" cannot be read/],
  ['no certificate in the file', { cert: 'hello', key: rsa }, /cert\.pem" holds no certificate/],
  ['no key in the file', { cert: rsa, key: ca }, /key\.pem" holds no private key/],
  ['a key of another certificate', { cert: rsa, key: ec }, /key\.pem" does not belong to .*cert\.pem"/],
  [
    'a broken key',
    { cert: rsa, key: rsa?.replace(/\n.{64}\n/, '\n') },
    /key\.pem" holds a broken private key/,
  ],
  [
    'a client CA without its root',
    { cert: rsa, key: rsa, clientCa: int },
    /client_ca_pem_path ".*ca\.pem" holds "CN=int" without .* issued by: add that of "CN=ca"/,
  ],
  ['no CA in the file', { cert: rsa, key: rsa, clientCa: 'hello' }, /ca\.pem" holds no certificate/],
] as const) {
  test(`${what}: the relay does not start, and the error names the file`, async (t) => {
    const present = Object.entries(files).filter(([, content]) => content !== undefined);
    const tls = await writeTls(t, Object.fromEntries(present));
    await assert.rejects(startRelay({ ...testConfig, mode: 'tls', tls }), (error: RelayError) => {
      assert.equal(error.code, 'tls_error');
      assert.match(error.message, expected);
      return true;
    });
  });
}

test('certificates are read again without dropping a connection, and bad ones are not taken', async (t) => {
  const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}` });
  const relay = await startTlsRelay(t, tls);
  const { hostname, port } = new URL(relay.baseUrl);
  const before = connect({ host: hostname, port: Number(port), ca });
  t.after(() => before.destroy());
  await once(before, 'secureConnect');

  await writeFile(tls.certPemPath, `${ec}`);
  await assert.rejects(relay.reloadTls(), (error: RelayError) => error.code === 'tls_error');
  assert.equal((await getHealth(relay)).peer, 'rsa');

  await copyFile(tls.certPemPath, tls.keyPemPath);
  await relay.reloadTls();
  assert.equal((await getHealth(relay)).peer, 'ec');
  before.write(health);
  const [answer] = await once(before, 'data');
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
});

test('of files that are read again twice at once, those that were read last are taken', async (t) => {
  const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}` });
  const relay = await startTlsRelay(t, tls);
  await rm(tls.keyPemPath);
  assert.equal(spawnSync('mkfifo', [tls.keyPemPath]).status, 0);
  const first = relay.reloadTls();
  const pipe = await open(tls.keyPemPath, 'w');
  await rm(tls.keyPemPath);
  for (const path of [tls.certPemPath, tls.keyPemPath]) await writeFile(path, `${ec}`);
  const second = relay.reloadTls();
  // Time enough for a second one that does not wait for the first.
  for (let request = 0; request < 10; request++) assert.equal((await getHealth(relay)).peer, 'rsa');
  await pipe.writeFile(`${rsa}`);
  await pipe.close();
  await Promise.all([first, second]);
  assert.equal((await getHealth(relay)).peer, 'ec');
});

test('a client CA without its root is not taken when the files are read again', async (t) => {
  const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa: `${ca}` });
  const relay = await startTlsRelay(t, tls);
  await writeFile(`${tls.clientCaPemPath}`, `${int}`);
  await assert.rejects(relay.reloadTls(), { code: 'tls_error', message: /ca\.pem" holds "CN=int" without/ });
  assert.equal((await getHealth(relay, { cert: client, key: client })).status, 200);
});

for (const [when, wallMs] of [
  ['has expired', Date.UTC(2300, 0)],
  ['is not valid yet', Date.UTC(2000, 0)],
] as const) {
  test(`of a certificate that ${when} the log is warned with file and date, at the start and when it is read again`, async (t) => {
    const { log, warnings } = warningLog();
    let nowMs = Date.now();
    const clock = { ...systemClock, wallMs: () => nowMs };
    const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa: `${ca}` });
    const relay = await startTestRelay(t, { mode: 'tls', tls }, { log, clock });
    assert.deepEqual(warnings, []);
    nowMs = wallMs;
    await relay.reloadTls();
    const [ofRsa, ofCa] = [rsa, ca].map((pem) => new X509Certificate(`${pem}`));
    assert.deepEqual(warnings.splice(0), [
      warningOf(ofRsa, tls.certPemPath),
      warningOf(ofCa, tls.clientCaPemPath),
    ]);
    await startTestRelay(t, { mode: 'tls', tls }, { log, clock });
    assert.equal(warnings.length, 2);
  });
}

test('a certificate without a name that has expired is taken, with a warning', async (t) => {
  const { log, warnings } = warningLog();
  const clock = { ...systemClock, wallMs: () => Date.UTC(2300, 0) };
  const tls = await writeTls(t, { cert: `${nameless}`, key: `${nameless}` });
  await startTestRelay(t, { mode: 'tls', tls }, { log, clock });
  assert.deepEqual(warnings, [warningOf(new X509Certificate(`${nameless}`), tls.certPemPath, '')]);
});

function warningLog() {
  const warnings: object[] = [];
  const log: Log = { ...silentLog, warn: (fields, line) => warnings.push({ ...fields, line }) };
  return { log, warnings };
}

function warningOf(
  certificate: X509Certificate | undefined,
  file: string | undefined,
  subject = certificate?.subject,
) {
  assert.ok(certificate);
  const { validFrom, validTo } = certificate;
  const line = 'a certificate is out of date';
  return { file, subject, valid_from: validFrom, valid_to: validTo, line };
}
