import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { createHttpServer } from '../src/http.ts';
import { silentLog } from '../src/log.ts';
import { systemClock } from '../src/stores/store.ts';
import { message } from './helpers.ts';
import { connectRaw, health, request } from './raw.ts';
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

  test(`with a client CA, ${version} clients without its certificate get no answer, and the log says why`, async (t) => {
    const tls = await writeTls(t, { cert: `${rsa}`, key: `${rsa}`, clientCa: `${ca}` });
    const reasons: object[] = [];
    const log = { ...silentLog, debug: (fields: object) => reasons.push(fields) };
    const relay = await startTlsRelay(t, tls, { log });
    await assert.rejects(getHealth(relay, only));
    await assert.rejects(getHealth(relay, { ...only, cert: stranger, key: stranger }));
    assert.equal((await getHealth(relay, { ...only, cert: client, key: client })).status, 200);
    assert.match(JSON.stringify(reasons[0]), /peer did not return a certificate/);
    assert.equal(reasons.length, 2);
  });
}

test('a connection whose handshake does not come to its end is ended', async (t) => {
  const server = createHttpServer(() => assert.fail('a request'), {
    log: silentLog,
    clock: systemClock,
    droppedBytesMax: 0,
    plainReader: true,
    tls: { cert: `${rsa}`, key: `${rsa}` },
    timeouts: { headMs: 200 },
  });
  const { port } = await server.listen('127.0.0.1', 0);
  t.after(() => server.stop());
  for (const sent of ['', '\x16\x03\x01\x02']) {
    const socket = createConnection(port, '127.0.0.1');
    socket.write(sent, 'latin1');
    await once(socket.resume(), 'close');
  }
});

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

test('pipelined requests over TLS are answered whole, though their client reads late', async (t) => {
  const relay = await startTlsRelay(t, await writeTls(t, { cert: `${rsa}`, key: `${rsa}` }));
  const { hostname: host, port } = new URL(relay.baseUrl);
  const connection = connect({ host, port: Number(port), ca, servername: 'localhost' }).pause();
  t.after(() => connection.destroy());
  await once(connection, 'secureConnect');
  const notPlain = ['accept-encoding: identity'];
  const push = (number: number): string => {
    const ciphertext_b64 = Buffer.alloc(11_000, number).toString('base64');
    return request('/push', JSON.stringify({ ...message(number), ciphertext_b64 }), notPlain);
  };
  const good = 'HTTP/1.1 200 OK';
  let [answered, end] = [0, ''];
  const read = async (answers: number): Promise<void> => {
    connection.resume();
    while (answered < answers) {
      const [piece] = await once(connection, 'data');
      const text = end + piece.toString('latin1');
      assert.doesNotMatch(text, /HTTP\/1\.1 4/);
      answered += text.split(good).length - 1;
      // An answer may begin in two pieces.
      end = text.slice(1 - good.length);
    }
    connection.pause();
  };
  connection.write(Array.from({ length: 20 }, (_, number) => push(number)).join(''));
  await read(20);
  // Their answers are more than the relay may have waiting for the client.
  for (let number = 0; number < 30; number++) {
    connection.write(request('/pull', '{"recipient":"alice"}', notPlain));
    await getHealth(relay);
  }
  connection.write([20, 21, 22].map(push).join(''));
  await getHealth(relay);
  await read(20 + 30 + 3);
  connection.destroy();
});
