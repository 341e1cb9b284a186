import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type RelayConfig, type RelayConfigInput, resolveConfig } from '../src/config.ts';
import { type Relay, type RelayParts, startRelay } from '../src/relay.ts';

/** A relay on the memory store and a free port, stopped when the test ends. */
export async function startTestRelay(
  t: TestContext,
  config: RelayConfigInput = {},
  parts: RelayParts = {},
): Promise<Relay> {
  const relay = await startRelay({ ...testConfig, ...config }, parts);
  t.after(() => relay.stop());
  return relay;
}

/** `full-server.test.ts` runs the tests over the wire once more, without the reader of plain requests. */
export const testConfig: RelayConfig = resolveConfig({
  plainReader: process.env.PLAIN_READER !== 'off',
  storage: { kind: 'memory' },
  rateLimit: { enabled: false },
});

/** The body of a push; the same number is the same message. */
export function message(number: number) {
  return {
    recipient: 'alice',
    message_id: `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
    ciphertext_b64: 'c2VhbGVk',
    meta: { kind: 'text', total_len: 6, chunk_index: 0, chunk_count: 1, sent_ms: 1 },
  };
}

/** Posts JSON, or text or bytes as they are; resolves with the status and the parsed answer. */
export async function post(
  relay: Pick<Relay, 'baseUrl'>,
  path: string,
  body: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${relay.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** The message of the `invalid_input` that this body is answered with. */
export async function refused(relay: Pick<Relay, 'baseUrl'>, path: string, body: unknown): Promise<string> {
  const answer = await post(relay, path, body);
  assert.equal(answer.status, 400, JSON.stringify(answer.body));
  assert.equal(answer.body.error.code, 'invalid_input');
  return answer.body.error.message;
}
