import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { errorBody, errorCatalogue, RelayError } from '../src/errors.ts';

test('an error has its code, its message, and details only where there are some', () => {
  assert.equal(
    errorBody(new RelayError('not_found')),
    '{"error":{"code":"not_found","message":"not found"}}',
  );
  const details = { limit: 256 };
  assert.deepEqual(JSON.parse(errorBody(new RelayError('invalid_input', 'kind too long', { details }))), {
    error: { code: 'invalid_input', message: 'kind too long', details },
  });
});

test('docs/errors.md tells every code, its status and its message, and none besides', async () => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(\w+)` \| (\d+|start-up) \| "([^"]+)" \|/gm)].map(
    ([, code, status, message]) => ({ code, status, message }),
  );
  const known = Object.entries(errorCatalogue).map(([code, { status, message, ...rest }]) => ({
    code,
    status: 'isOfStart' in rest ? 'start-up' : String(status),
    message,
  }));
  assert.deepEqual(documented, known);
});
