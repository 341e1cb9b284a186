import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { RelayConfig } from './config.ts';
import { RelayError } from './errors.ts';
import { type Logger, silentLog } from './log.ts';
import { type Clock, systemClock } from './stores/store.ts';

/**
 * Reads what TLS needs from its files, which may hold other PEM blocks too, and checks that it belongs together. The log is
 * warned of certificates that are out of date: nothing else is wrong with them, and the clock may be.
 *
 * Throws `tls_error` that names the file and what is wrong with it.
 */
export async function readTls(
  config: RelayConfig['tls'],
  log: Logger = silentLog,
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
    options.ca = pem(withRoots(clientCa, clientCaPemPath, log));
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

/**
 * The CAs of clients but for those of which there is no root: OpenSSL trusts nobody by them, and their clients would be refused
 * without a word. In a file without any root they are an error, else the log is warned.
 */
function withRoots(certificates: readonly X509Certificate[], path: string, log: Logger): X509Certificate[] {
  // Not `checkIssued`: as a root it may be one that may not sign.
  const roots = certificates.filter(({ subject, issuer }) => subject === issuer);
  const rootless = certificates.filter(
    (certificate) =>
      !roots.includes(certificate) && !certificates.some((other) => isIssuedBy(certificate, other)),
  );
  for (const certificate of rootless) {
    // A root that another CA has signed too: OpenSSL may look at this certificate of it, and not at its own.
    if (roots.some(({ subject }) => subject === certificate.subject)) continue;
    const [subject, issuer] = [oneLine(certificate.subject), oneLine(certificate.issuer)];
    const what = `holds "${subject}" without the certificate that it was issued by: add that of "${issuer}", and so on up to the root`;
    if (roots.length === 0) throw fault('tls.client_ca_pem_path', path, what);
    log.warn({ file: path, subject, issuer }, 'clients of a CA are refused: who issued it is missing');
  }
  return certificates.filter((certificate) => !rootless.includes(certificate));
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A public key that cannot be read.
    return false;
  }
}

function warnOfDates(
  certificates: readonly X509Certificate[],
  file: string,
  log: Logger,
  clock: Clock,
): void {
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

/** Node 20 has no name where the certificate has an empty one. */
function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

function pem(certificates: readonly X509Certificate[]): string {
  return certificates.map(String).join('');
}

function fault(option: string, path: string, what: string, cause?: unknown): RelayError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new RelayError('tls_error', `${option} "${path}" ${what}${why}`, { cause });
}
