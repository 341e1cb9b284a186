import assert from 'node:assert/strict';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { errorCatalogue } from '../../src/errors.ts';
import type { RawAnswer } from '../raw.ts';

/** HTTP's own refusals, which carry `invalid_input` too. */
const HTTP_STATUSES = [400, 408, 417, 431];

const shapes: Readonly<Record<string, readonly string[]>> = {
  push: ['stored', 'queue_len', 'queue_bytes'],
  duplicate: ['stored', 'duplicate', 'queue_len', 'queue_bytes'],
  pull: ['items', 'next_cursor', 'remaining_estimate'],
  ack: ['deleted', 'missing', 'remaining'],
  health: ['status'],
  stats: ['status', 'uptime_ms'],
};

const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  identity: (body) => body,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync,
};

/** Fails unless an answer is one that the relay may give to whatever it was asked; gives what is in it. */
// biome-ignore lint/suspicious/noExplicitAny: what is in it depends on the request
export function checkAnswer({ status, headers, body }: RawAnswer): any {
  if (status === 100) return undefined;
  assert.equal(headers.get('content-type'), 'application/json');
  if (body.length === 0) return undefined;
  const answer = JSON.parse(decoders[headers.get('content-encoding') ?? 'identity']?.(body).toString() ?? '');
  if (status === 200) {
    const keys = Object.keys(answer).join();
    assert.ok(
      Object.values(shapes).some((shape) => shape.join() === keys),
      `an answer with ${keys}`,
    );
  } else {
    checkError(status, answer);
  }
  return answer;
}

function checkError(status: number, answer: unknown): void {
  const { error, ...more } = answer as { error: { code: string; message: string; details?: object } };
  assert.deepEqual(more, {});
  assert.notEqual(error.code, 'internal_error');
  const { status: usual } = errorCatalogue[error.code as keyof typeof errorCatalogue];
  const known = status === usual || (error.code === 'invalid_input' && HTTP_STATUSES.includes(status));
  assert.ok(known, `${status} with ${error.code}`);
  assert.equal(typeof error.message, 'string');
  assert.ok(error.message.length > 0 && error.message.length < 200, error.message);
}
