import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import fc from 'fast-check';
import { RelayError } from '../../src/errors.ts';
import { readTls } from '../../src/tls.ts';
import type { Target } from './target.ts';

const certificates = new URL('../../../test/certificates/', import.meta.url);
const names = ['ca', 'client', 'ec', 'int', 'rsa', 'stranger'];
const texts = await Promise.all(
  names.map((name) => readFile(new URL(`${name}.pem`, certificates), 'latin1')),
);
const blocks = texts.flatMap((text) => text.match(/-----BEGIN[\s\S]+?-----END [^\n]+\n/g) ?? []);

/** A file of whole blocks or pieces of them, at times with bytes changed. */
const file = fc
  .record({
    parts: fc.array(
      fc.oneof(
        { arbitrary: fc.constantFrom(...texts), weight: 6 },
        { arbitrary: fc.constantFrom(...blocks), weight: 4 },
        {
          arbitrary: fc
            .tuple(fc.constantFrom(...blocks), fc.nat(), fc.nat())
            .map(([block, from, to]) => block.slice(from % block.length, 1 + (to % block.length))),
          weight: 1,
        },
        {
          arbitrary: fc.constantFrom(
            'text\r\n',
            '-----BEGIN CERTIFICATE-----\n',
            '-----END PRIVATE KEY-----\n',
            '\0',
          ),
          weight: 1,
        },
      ),
      { maxLength: 3 },
    ),
    edits: fc.oneof(
      { arbitrary: fc.constant([]), weight: 3 },
      {
        arbitrary: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
        weight: 1,
      },
    ),
    lineEnd: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ parts, edits, lineEnd }) => {
    const bytes = Buffer.from(parts.join('').replaceAll('\n', lineEnd), 'latin1');
    for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes.toString('latin1');
  });

/** Files for TLS are refused with a sentence that names one of them, or make a context that OpenSSL takes. */
export const pem: Target = {
  name: 'pem',
  runs: 100,
  async open() {
    const directory = await mkdtemp(join(tmpdir(), 'enigma-relay-fuzz-'));
    const paths = ['cert', 'key', 'ca'].map((name) => join(directory, `${name}.pem`));
    const [certPemPath = '', keyPemPath = '', clientCaPemPath = ''] = paths;
    const files = fc.record({ cert: file, key: fc.option(file), ca: fc.option(file) });
    const property = fc.asyncProperty(files, async ({ cert, key, ca }) => {
      await writeFile(certPemPath, cert, 'latin1');
      await writeFile(keyPemPath, key ?? cert, 'latin1');
      await writeFile(clientCaPemPath, ca ?? '', 'latin1');
      try {
        const asked = { certPemPath, keyPemPath, clientCaPemPath: ca === null ? undefined : clientCaPemPath };
        createSecureContext(await readTls(asked));
      } catch (error) {
        assert.ok(error instanceof RelayError, String(error));
        assert.equal(error.code, 'tls_error');
        assert.ok(
          paths.some((path) => error.message.includes(`"${path}"`)),
          error.message,
        );
        assert.doesNotMatch(error.message, /\n/);
      }
    });
    return { property, close: () => rm(directory, { recursive: true }) };
  },
};
