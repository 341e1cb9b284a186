import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { RelayError } from '../src/errors.ts';
import { type Logger, silentLog } from '../src/log.ts';
import { startRelay } from '../src/relay.ts';
import { systemClock } from '../src/stores/store.ts';
import { testConfig } from './helpers.ts';
import { pipeFile, whenRead } from './pipes.ts';
import { health } from './raw.ts';
import {
  ca,
  client,
  crossed,
  ec,
  getHealth,
  int,
  intClient,
  nameless,
  rsa,
  startTlsRelay,
  stranger,
  writeTls,
} from './tls-relay.ts';

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

for (const [order, clientCa] of [
  ['before', `${crossed}${ca}`],
  ['behind', `${ca}${crossed}`],
] as const) {
  test(`a root that another CA has signed too may stand there as such, ${order} itself`, async (t) => {
    const { log, warnings } = warningLog();
    const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa });
    const relay = await startTlsRelay(t, tls, { log });
    assert.equal((await getHealth(relay, { cert: client, key: client })).status, 200);
    assert.deepEqual(warnings, []);
  });
}

test('of a client CA without its root, beside one that lets clients in, the log is warned', async (t) => {
  const clientCa = `${stranger}${int}`;
  const { log, warnings } = warningLog();
  const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa });
  const relay = await startTlsRelay(t, tls, { log });
  assert.equal((await getHealth(relay, { cert: stranger, key: stranger })).status, 200);
  await assert.rejects(getHealth(relay, { cert: intClient, key: intClient }));
  const line = 'clients of a CA are refused: who issued it is missing';
  assert.deepEqual(warnings, [{ file: tls.clientCaPemPath, subject: 'CN=int', issuer: 'CN=ca', line }]);
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
  const key = pipeFile(tls.keyPemPath);
  const reloads = [relay.reloadTls()];
  await whenRead(key, `${rsa}`, async () => {
    await rm(key);
    for (const path of [tls.certPemPath, key]) await writeFile(path, `${ec}`);
    reloads.push(relay.reloadTls());
    // Time enough for a second one that does not wait for the first.
    for (let request = 0; request < 10; request++) assert.equal((await getHealth(relay)).peer, 'rsa');
  });
  await Promise.all(reloads);
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
    const relay = await startTlsRelay(t, tls, { log, clock });
    assert.deepEqual(warnings, []);
    nowMs = wallMs;
    await relay.reloadTls();
    const [ofRsa, ofCa] = [rsa, ca].map((pem) => new X509Certificate(`${pem}`));
    assert.deepEqual(warnings.splice(0), [
      warningOf(ofRsa, tls.certPemPath),
      warningOf(ofCa, tls.clientCaPemPath),
    ]);
    await startTlsRelay(t, tls, { log, clock });
    assert.equal(warnings.length, 2);
  });
}

test('a certificate without a name that has expired is taken, with a warning', async (t) => {
  const { log, warnings } = warningLog();
  const clock = { ...systemClock, wallMs: () => Date.UTC(2300, 0) };
  const tls = await writeTls(t, { cert: `${nameless}`, key: `${nameless}` });
  await startTlsRelay(t, tls, { log, clock });
  assert.deepEqual(warnings, [warningOf(new X509Certificate(`${nameless}`), tls.certPemPath, '')]);
});

function warningLog() {
  const warnings: object[] = [];
  const log: Logger = { ...silentLog, warn: (fields, line) => warnings.push({ ...fields, line }) };
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
