import fc from 'fast-check';
import type { MessageKey } from '../../src/message.ts';
import type { StoreLimits } from '../../src/stores/store.ts';
import { ids } from '../stores/harness.ts';

/** One operation; `cursor` picks one of the seqs that were seen. */
export type Call =
  | { readonly kind: 'push'; readonly recipient: string; readonly key: MessageKey; readonly bytes: number }
  | { readonly kind: 'pull'; readonly recipient: string; readonly cursor: number; readonly max: number }
  | { readonly kind: 'ack'; readonly recipient: string; readonly keys: readonly MessageKey[] };

export type Step =
  | { readonly kind: 'together'; readonly calls: readonly Call[] }
  | { readonly kind: 'fault'; readonly writes: number; readonly calls: readonly Call[] }
  | { readonly kind: 'advance' | 'setClock'; readonly ms: number }
  | { readonly kind: 'sweep' | 'restart' };

/** What clients do, and what happens meanwhile: the same history can be played on any store, and on the model. */
export interface History {
  readonly limits: StoreLimits;
  /** Payload on a page, at most, unless it is one message. */
  readonly pageBytesMax: number;
  readonly steps: readonly Step[];
}

export const recipients: readonly string[] = ['alice', 'bob'];

const recipient = fc.constantFrom(...recipients);
const key = fc.record({ messageId: fc.constantFrom(...ids(1, 2, 3, 4, 5)), chunkIndex: fc.nat(1) });
const bytes = fc.oneof(
  { weight: 30, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.constantFrom(100_000, 3_000_000) },
);

const jumpMs = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -2_000, max: 500 }) },
  { weight: 1, arbitrary: fc.constantFrom(-7_200_000, 7_200_000) },
);

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push'), recipient, key, bytes }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('ack'), recipient, keys: fc.array(key, { maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pull'),
      recipient,
      cursor: fc.nat(),
      max: fc.integer({ min: 1, max: 5 }),
    }),
  },
);
const calls = fc.array(call, { minLength: 1, maxLength: 4 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ kind: fc.constant('together'), calls }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fault'), writes: fc.integer({ min: 1, max: 5 }), calls }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('setClock'), ms: jumpMs }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('sweep', 'restart') }) },
);

/** Histories with any of these bounds over all mailboxes. */
export function historyArbitrary(choices: { messagesMax: readonly number[] }): fc.Arbitrary<History> {
  const limits = fc.record({
    messageTtlMs: fc.constantFrom(300n, 1_000n, 1_000_000n),
    dedupWindowMs: fc.constantFrom(0, 200, 1_000_000),
    messagesPerMailboxMax: fc.constantFrom(3, 1_000),
    bytesPerMailboxMax: fc.constantFrom(100, 1_000, 10_000_000),
    messagesMax: fc.constantFrom(...choices.messagesMax),
  });
  const pageBytesMax = fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant(4_000_000));
  return fc.record({ limits, pageBytesMax, steps: fc.array(step, { maxLength: 60, size: 'max' }) });
}
