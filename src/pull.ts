import type { RelayConfig } from './config.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { RelayError } from './errors.ts';
import { checkName } from './fields.ts';
import { object, parseJson, string, u64 } from './json.ts';
import type { Message } from './message.ts';
import type { Counters } from './metrics.ts';
import { messagesJson } from './page.ts';
import type { Page, PageLimit, Store } from './stores/store.ts';

const pullBody = object({ recipient: string }, { cursor: string, max: u64 });

/** A page with no more payload than this is read and sent at once. */
const SHORT_PAGE_BYTES = 262_144;
/** Of a longer one this much is read at once: all that it holds of memory while its client takes it. */
const STEP_BYTES = 131_072;

/** JSON in parts: the first, and what gives those that follow, each when it is asked for, and then undefined. */
export interface Parts {
  readonly body: string | Buffer;
  readonly more?: () => Promise<Buffer | undefined>;
}

/** `POST /pull`: a page of a mailbox. Deletes, locks and leases nothing. Throws `invalid_input`. */
export async function pull(
  store: Store,
  limits: RelayConfig['relay'],
  counters: Counters,
  body: Buffer,
): Promise<string | Parts> {
  const { recipient, cursor, max } = parseJson(body, pullBody);
  counters.pullTotal++;
  checkName('recipient', recipient);
  if (max === 0n) throw new RelayError('invalid_input', 'max must be positive');
  const afterSeq = cursor === undefined ? 0 : seqOf(cursor, recipient);

  const messagesMax = max === undefined ? limits.pullBatchMax : Math.min(Number(max), limits.pullBatchMax);
  const bytesMax = limits.pullPageBytesMax;
  const first = await store.pull(recipient, afterSeq, {
    messagesMax,
    bytesMax: Math.min(bytesMax, SHORT_PAGE_BYTES),
  });
  const start = '{"items":[';
  if (first.messages.length === 0) return start + end(undefined, first);
  if (!first.more || first.messages.length === messagesMax || bytesMax <= SHORT_PAGE_BYTES) {
    return { body: messagesJson(first.messages, start, end(first.messages.at(-1), first)) };
  }
  return {
    body: messagesJson(first.messages, start, ''),
    more: steps(store, first, { messagesMax, bytesMax }),
  };
}

/**
 * The rest of a page, each part read when it is asked for. What was deleted or has expired by then is not in it; else
 * it is the page that one read would have given.
 */
function steps(store: Store, first: Page, { messagesMax, bytesMax }: PageLimit): Required<Parts>['more'] {
  let last = first.messages.at(-1);
  let sent = first.messages.length;
  let bytesLeft = bytesMax - bytesOf(first.messages);
  return async () => {
    if (last === undefined) return undefined;
    const { recipient, seq } = last;
    const limit = { messagesMax: messagesMax - sent, bytesMax: Math.min(bytesLeft, STEP_BYTES) };
    const step = await store.pull(recipient, seq, limit);
    // Of what is longer than the limit a store gives one message, but a page has some already.
    const messages = bytesOf(step.messages.slice(0, 1)) > bytesLeft ? [] : step.messages;
    const more = step.more || messages.length < step.messages.length;
    const live = step.remaining + step.messages.length;
    sent += messages.length;
    bytesLeft -= bytesOf(messages);
    last = messages.at(-1) ?? last;
    const comma = messages.length === 0 ? '' : ',';
    if (more && messages.length > 0 && sent < messagesMax) return messagesJson(messages, comma, '');
    const whole = messagesJson(messages, comma, end(last, { more, remaining: Math.max(0, live - sent) }));
    last = undefined;
    return whole;
  };
}

function end(last: Message | undefined, { more, remaining }: Pick<Page, 'more' | 'remaining'>): string {
  const next = more && last !== undefined ? `"${encodeCursor(last)}"` : 'null';
  return `],"next_cursor":${next},"remaining_estimate":${remaining}}`;
}

function bytesOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { payload }) => sum + payload.length, 0);
}

function seqOf(text: string, recipient: string): number {
  const cursor = decodeCursor(text);
  if (cursor === undefined) throw new RelayError('invalid_input', 'invalid cursor');
  if (cursor.recipient !== recipient) throw new RelayError('invalid_input', 'cursor recipient mismatch');
  return cursor.seq;
}
