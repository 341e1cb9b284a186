import assert from 'node:assert/strict';
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

export interface ContractOptions {
  /** Whether the store outlives its process. */
  readonly durable: boolean;
  /** Promises that do not hold in these circumstances. */
  readonly except?: readonly string[];
}

/** Holds a store to every promise of `store.ts`, as tests of their own. */
export function storeContract(
  name: string,
  open: OpenHarness,
  { durable, except = [] }: ContractOptions,
): void {
  const promises: Promises = {
    ...pushPromises,
    ...quotaPromises,
    ...pullPromises,
    ...ackPromises,
    ...memoryPromises,
    ...expiryPromises,
    ...mailboxPromises,
    ...(durable ? durablePromises : {}),
  };
  for (const promise of except) assert.ok(promise in promises, promise);
  for (const [promise, check] of Object.entries(promises)) {
    if (!except.includes(promise))
      test(`${name}: ${promise}`, (t) => check((limits = {}) => open(t, limits)));
  }
}
