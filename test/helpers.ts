import type { TestContext } from 'node:test';
import { defaultConfig, type RelayConfig } from '../src/config.ts';
import { type Relay, startRelay } from '../src/relay.ts';

/** A relay on the memory store and a free port, stopped when the test ends. */
export async function startTestRelay(t: TestContext, config: Partial<RelayConfig> = {}): Promise<Relay> {
  const relay = await startRelay({
    ...defaultConfig,
    storage: { kind: 'memory', path: '' },
    rateLimit: { ...defaultConfig.rateLimit, enabled: false },
    ...config,
  });
  t.after(() => relay.stop());
  return relay;
}

/** Posts JSON; resolves with the status and the parsed answer. */
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
export async function post(
  relay: Relay,
  path: string,
  body: unknown,
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${relay.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
