import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { RelayConfig } from './config.ts';
import { RelayError } from './errors.ts';
import { type Log, silentLog } from './log.ts';
import { type Clock, systemClock } from './stores/store.ts';

/**
 * Reads what TLS needs from its files, which may hold other PEM blocks too, and checks that it belongs together. The log is
 * warned of certificates that are out of date: nothing else is wrong with them, and the clock may be.
 *
 * Throws `tls_error` that names the file and what is wrong with it.
 */
export async function readTls(
  config: RelayConfig['tls'],
  log: Log = silentLog,
  clock: Clock = systemClock,
): Promise<SecureContextOptions> {
  const { certPemPath, keyPemPath, clientCaPemPath } = config;
  if (certPemPath === undefined || keyPemPath === undefined) {
    throw new RelayError('tls_error', 'mode "tls" needs tls.cert_pem_path and tls.key_pem_path');
  }
  const cert = await readCertificates('tls.cert_pem_path', certPemPath);
  const key = await readKey(keyPemPath);
  const [own] = cert;
  if (!own?.checkPrivateKey(key)) {
    throw fault(
      'tls.key_pem_path',
      keyPemPath,
      `does not belong to the first certificate of "${certPemPath}"`,
    );
  }
  warnOfDates(cert, certPemPath, log, clock);
  const options: SecureContextOptions = {
    cert: pem(cert),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
  };
  if (clientCaPemPath !== undefined) {
    const clientCa = await readCertificates('tls.client_ca_pem_path', clientCaPemPath);
    refuseWithoutRoot(clientCa, clientCaPemPath);
    options.ca = pem(clientCa);
    warnOfDates(clientCa, clientCaPemPath, log, clock);
  }
  try {
    createSecureContext(options);
  } catch (cause) {
    throw fault('tls.cert_pem_path', certPemPath, 'is refused by OpenSSL', cause);
  }
  return options;
}

async function readCertificates(option: string, path: string): Promise<X509Certificate[]> {
  const text = await read(option, path);
  const blocks =
    text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END [A-Z0-9 ]+-----/g) ?? [];
  if (blocks.length === 0) throw fault(option, path, 'holds no certificate (PEM)');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw fault(option, path, 'holds a broken certificate', cause);
  }
}

/** OpenSSL trusts nobody by a CA of which it has no root: every client would be refused without a word. */
function refuseWithoutRoot(certificates: readonly X509Certificate[], path: string): void {
  for (const certificate of certificates) {
    // Not `checkIssued`: as a root it may be one that may not sign.
    if (certificate.subject === certificate.issuer) continue;
    if (certificates.some((other) => isIssuedBy(certificate, other))) continue;
    const [subject, issuer] = [oneLine(certificate.subject), oneLine(certificate.issuer)];
    const what = `holds "${subject}" without the certificate that it was issued by: add that of "${issuer}", and so on up to the root`;
    throw fault('tls.client_ca_pem_path', path, what);
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A public key that cannot be read.
    return false;
  }
}

function warnOfDates(certificates: readonly X509Certificate[], file: string, log: Log, clock: Clock): void {
  const now = clock.wallMs();
  for (const { subject, validFrom, validTo } of certificates) {
    if (Date.parse(validFrom) <= now && now <= Date.parse(validTo)) continue;
    const dates = { valid_from: validFrom, valid_to: validTo };
    log.warn({ file, subject: oneLine(subject), ...dates }, 'a certificate is out of date');
  }
}

async function readKey(path: string): Promise<KeyObject> {
  const option = 'tls.key_pem_path';
  const text = await read(option, path);
  const [block] = text.match(/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]+?-----END [A-Z ]+-----/) ?? [];
  if (block === undefined) throw fault(option, path, 'holds no private key (PEM: PKCS#8, SEC1 or PKCS#1)');
  if (/ENCRYPTED/.test(block)) throw fault(option, path, 'holds a key with a passphrase; give one without');
  try {
    return createPrivateKey(block);
  } catch (cause) {
    throw fault(option, path, 'holds a broken private key', cause);
  }
}

async function read(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (cause) {
    throw fault(option, path, 'cannot be read', cause);
  }
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

function pem(certificates: readonly X509Certificate[]): string {
  return certificates.map(String).join('');
}

function fault(option: string, path: string, what: string, cause?: unknown): RelayError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new RelayError('tls_error', `${option} "${path}" ${what}${why}`, { cause });
}
