import { test } from 'node:test';
import { ackPromises } from './contract/ack.ts';
import { durablePromises } from './contract/durable.ts';
import { expiryPromises } from './contract/expiry.ts';
import { mailboxPromises } from './contract/mailboxes.ts';
import { memoryPromises } from './contract/memory.ts';
import { pullPromises } from './contract/pull.ts';
import { pushPromises } from './contract/push.ts';
import { quotaPromises } from './contract/quotas.ts';
import type { OpenHarness, Promises } from './harness.ts';

/** Holds a store to every promise of `store.ts`, as tests of their own. */
export function storeContract(name: string, open: OpenHarness, options: { durable: boolean }): void {
  const promises: Promises = {
    ...pushPromises,
    ...quotaPromises,
    ...pullPromises,
    ...ackPromises,
    ...memoryPromises,
    ...expiryPromises,
    ...mailboxPromises,
    ...(options.durable ? durablePromises : {}),
  };
  for (const [promise, check] of Object.entries(promises)) {
    test(`${name}: ${promise}`, (t) => check((limits = {}) => open(t, limits)));
  }
}
