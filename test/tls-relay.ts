import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { RelayConfigInput } from '../src/config.ts';
import type { Relay, RelayParts } from '../src/relay.ts';
import { startTestRelay } from './helpers.ts';

const certificates = new URL('../../test/certificates/', import.meta.url);
export const [ca, rsa, ec, client, stranger, int, intClient, crossed, nameless] = await Promise.all(
  ['ca', 'rsa', 'ec', 'client', 'stranger', 'int', 'intclient', 'crossed', 'nameless'].map((name) =>
    readFile(new URL(`${name}.pem`, certificates), 'utf8'),
  ),
);

/** A directory of its own with these files, and the TLS configuration that names them. */
export async function writeTls(t: TestContext, files: { cert?: string; key?: string; clientCa?: string }) {
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

export function startTlsRelay(
  t: TestContext,
  tls: NonNullable<RelayConfigInput['tls']>,
  parts: RelayParts = {},
): Promise<Relay> {
  return startTestRelay(t, { mode: 'tls', tls }, parts);
}

/** The status of /health over a connection of its own, and who answered. */
export async function getHealth(
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
