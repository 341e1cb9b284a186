import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { connectRaw, health } from './raw.ts';
import {
  ca,
  client,
  getHealth,
  int,
  intClient,
  rsa,
  startTlsRelay,
  stranger,
  writeTls,
} from './tls-relay.ts';

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
