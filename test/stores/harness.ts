import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ErrorCode, RelayError } from '../../src/errors.ts';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { Store, StoreLimits } from '../../src/stores/store.ts';
import type { TestClock } from './clock.ts';

/** A store under test, and what a test may do to it. */
export interface Harness {
  /** Stays the same object over restarts. */
  readonly store: Store;
  readonly clock: TestClock;
  /** The store itself, where `store` is how clients see it. */
  readonly direct?: Store;
  /** Makes so many of the next writes fail; 0 puts an end to it. */
  readonly fault?: (writes: number) => void;
  /** Ends the store and opens it again on what it left, with other limits if given. Durable stores only. */
  readonly reopen?: (limits?: Partial<StoreLimits>) => Promise<void>;
}

/** Opens a fresh store with these limits over `contractLimits`; it goes when the test ends. */
export type OpenHarness = (t: TestContext, limits: Partial<StoreLimits>) => Promise<Harness>;

/** The promises of a part of the contract: a sentence each, and what checks it. */
export type Promises = Readonly<
  Record<string, (open: (limits?: Partial<StoreLimits>) => Promise<Harness>) => Promise<void>>
>;

export const contractLimits: StoreLimits = {
  messageTtlMs: 3_600_000n,
  dedupWindowMs: 600_000,
  messagesPerMailboxMax: 1_000,
  bytesPerMailboxMax: 1_048_576,
  messagesMax: 10_000,
};

/** A message number: the same number is the same id. */
export function message(
  number: number,
  parts: Partial<NewMessage> & { chunkIndex?: number } = {},
): NewMessage {
  const { chunkIndex = 0, ...rest } = parts;
  return {
    recipient: 'alice',
    messageId: `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
    payload: Buffer.from(`payload ${number}`),
    meta: { kind: 'text', totalLen: 9n, chunkIndex, chunkCount: chunkIndex + 1, sentMs: 1n },
    ...rest,
  };
}

export function keyOf({ messageId, meta }: NewMessage): MessageKey {
  return { messageId, chunkIndex: meta.chunkIndex };
}

/** Everything that lives in a mailbox, in its order. */
export async function pullAll(store: Store, recipient = 'alice', afterSeq = 0): Promise<readonly Message[]> {
  const isEmpty = store.isEmpty?.(recipient) ?? false;
  const page = await store.pull(recipient, afterSeq, { messagesMax: 100_000, bytesMax: 2 ** 40 });
  assert.equal(page.more, false);
  if (isEmpty) assert.deepEqual([page.messages, page.remaining], [[], 0]);
  return page.messages;
}

/** The ids that live in a mailbox, in its order. */
export async function idsOf(store: Store, recipient = 'alice'): Promise<string[]> {
  return (await pullAll(store, recipient)).map((kept) => kept.messageId);
}

export function ids(...numbers: number[]): string[] {
  return numbers.map((number) => message(number).messageId);
}

export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: RelayError) => error.code === code);
}

/** How many of these were fulfilled; the others must have been refused with `code`. */
export async function countStored(code: ErrorCode, pushes: readonly Promise<unknown>[]): Promise<number> {
  const results = await Promise.allSettled(pushes);
  const refused = results.filter((result) => result.status === 'rejected');
  for (const { reason } of refused) assert.equal(reason.code, code, String(reason));
  return results.length - refused.length;
}
