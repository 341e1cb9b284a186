import type { RelayConfig } from './config.ts';
import { type Cursor, decodeCursor, encodeCursor } from './cursor.ts';
import { RelayError } from './errors.ts';
import { checkName } from './fields.ts';
import type { Memo, RequestHead } from './head.ts';
import { object, parseBody, string, u64 } from './json.ts';
import type { Counters } from './metrics.ts';
import { packedJson } from './packed-json.ts';
import { afterPayload, beforePayload, messagesJson, payloadJson } from './page.ts';
import { type Soon, whenThere } from './soon.ts';
import type { LongMessage, Page, PageLimit, Store } from './stores/store.ts';

const pullBody = object({ recipient: string }, { cursor: string, max: u64 });
type PullFields = Awaited<ReturnType<typeof pullBody>>;

/** A page with no more payload than this is read and sent at once, and so is a message. */
const SHORT_BYTES = 262_144;
/** Of a longer page this much is read at once: all that it holds of memory while its client takes it. */
const STEP_BYTES = 131_072;

const START = '{"items":[';
const EMPTY = START + end(undefined, { more: false, remaining: 0 });

/** JSON in parts: the first, and what gives those that follow, each when it is asked for, and then undefined. */
export interface Parts {
  readonly body: string | Buffer;
  readonly more?: () => Promise<Buffer | undefined>;
}

/** `POST /pull`: a page of a mailbox. Deletes, locks and leases nothing. Throws `invalid_input`. */
export function pull(
  store: Store,
  limits: RelayConfig['relay'],
  counters: Counters,
  body: Buffer,
  { memo }: RequestHead,
): Soon<string | Parts> {
  return whenThere(fieldsOf(body, memo), ({ recipient, cursor, max }) => {
    counters.pullTotal++;
    checkName('recipient', recipient);
    if (max === 0n) throw new RelayError('invalid_input', 'max must be positive');
    const after = { recipient, seq: cursor === undefined ? 0 : seqOf(cursor, recipient) };
    const messagesMax = max === undefined ? limits.pullBatchMax : Math.min(Number(max), limits.pullBatchMax);
    // By far the commonest request.
    if (store.isEmpty?.(recipient) === true) return EMPTY;
    return pageParts(store, after, { messagesMax, bytesMax: limits.pullPageBytesMax });
  });
}

function fieldsOf(body: Buffer, memo?: Memo): Soon<PullFields> {
  if (memo === undefined) return parseBody(body, pullBody);
  memo.fields ??= parseBody(body, pullBody);
  return memo.fields as Soon<PullFields>;
}

async function pageParts(store: Store, after: Cursor, limit: PageLimit): Promise<string | Parts> {
  const first = await store.pull(after.recipient, after.seq, step(limit, SHORT_BYTES));
  if (first.long === undefined) {
    const kept = keptOf(first);
    if (kept.length === 0) return START + end(undefined, first);
    const isAll = !first.more || kept.length === limit.messagesMax || limit.bytesMax <= SHORT_BYTES;
    if (isAll) return { body: pageJson(first, START, end(kept.at(-1), first)) };
  }
  const parts = partsOf(store, after, limit, first);
  const { value } = await parts.next();
  return { body: value ?? '', more: async () => (await parts.next()).value ?? undefined };
}

/** As much of a page as is read at once. */
function step({ messagesMax, bytesMax }: PageLimit, stepBytes: number): PageLimit {
  return { messagesMax, bytesMax: Math.min(bytesMax, stepBytes), wholeBytesMax: SHORT_BYTES };
}

/**
 * A page in parts, each read when it is asked for. What was deleted or has expired by then is not in it; else it is the
 * page that one read would have given. Throws where a message goes while its payload is being sent.
 */
async function* partsOf(
  store: Store,
  after: Cursor,
  { messagesMax, bytesMax }: PageLimit,
  first: Page,
): AsyncGenerator<Buffer, void> {
  const left = { messagesMax, bytesMax };
  let last = after;
  let text = START;
  for (let page = first; ; page = await store.pull(after.recipient, last.seq, step(left, STEP_BYTES))) {
    const { long, remaining } = page;
    const kept = keptOf(page);
    const sent = messagesMax - left.messagesMax;
    const count = long === undefined ? kept.length : 1;
    const bytes = long?.payloadBytes ?? payloadBytesOf(page);
    // Of what is longer than the limit a store gives one message, but a page has some already.
    if (sent > 0 && bytes > left.bytesMax) {
      yield messagesJson([], text, end(last, { more: true, remaining: remaining + count - sent }));
      return;
    }
    const before = sent > 0 && count > 0 ? `${text},` : text;
    if (long === undefined) text = before;
    else if (yield* longJson(before, long)) text = afterPayload(long);
    // It is gone, and what follows it takes its place.
    else continue;

    last = long ?? kept.at(-1) ?? last;
    left.messagesMax -= count;
    left.bytesMax -= bytes;
    const isEnd = !page.more || left.messagesMax === 0 || left.bytesMax < 0;
    if (long === undefined || isEnd) {
      const behind = isEnd ? end(last, { more: page.more, remaining: remaining - sent }) : '';
      yield pageJson(page, text, behind);
      text = '';
    }
    if (isEnd) return;
  }
}

/** A page's messages as JSON; their payloads are done with. */
function pageJson(page: Page, before: string, after: string): Buffer {
  const json =
    (page.packed && packedJson(page.packed, before, after)) ?? messagesJson(page.messages, before, after);
  page.release?.();
  return json;
}

/** A message as JSON, up to the end of its payload; returns whether it was still there. */
async function* longJson(before: string, long: LongMessage): AsyncGenerator<Buffer, boolean> {
  let text = before + beforePayload(JSON.stringify(long.recipient), long);
  for await (const piece of long.pieces()) {
    yield payloadJson(text, piece);
    text = '';
  }
  return text === '';
}

/** The end of a page. What was sent before may be gone by now, and then `remaining` came out too small. */
function end(last: Cursor | undefined, { more, remaining }: Pick<Page, 'more' | 'remaining'>): string {
  const next = more && last !== undefined ? `"${encodeCursor(last)}"` : 'null';
  return `],"next_cursor":${next},"remaining_estimate":${Math.max(0, remaining)}}`;
}

/** A page's messages, in the form that costs least. */
function keptOf(page: Page): readonly Cursor[] {
  return page.packed ?? page.messages;
}

function payloadBytesOf(page: Page): number {
  const packedBytes = page.packed?.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
  return packedBytes ?? page.messages.reduce((sum, { payload }) => sum + payload.length, 0);
}

function seqOf(text: string, recipient: string): number {
  const cursor = decodeCursor(text);
  if (cursor === undefined) throw new RelayError('invalid_input', 'invalid cursor');
  if (cursor.recipient !== recipient) throw new RelayError('invalid_input', 'cursor recipient mismatch');
  return cursor.seq;
}
