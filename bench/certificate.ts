import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A certificate for loopback with its key, of the tests, and who has signed it. */
export const certificatePath = path('ec.pem');
export const certificateAuthority = readFileSync(path('ca.pem'));

function path(name: string): string {
  return fileURLToPath(new URL(`../../test/certificates/${name}`, import.meta.url));
}
