import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { U32_MAX, U64_MAX } from '../../src/message.ts';
import {
  integer,
  kind,
  list,
  object,
  payload,
  recipient,
  recipients,
  strings,
  uuid,
  type Written,
} from './written.ts';

const u32 = integer(BigInt(U32_MAX));
const u64 = integer(U64_MAX);
/** Few of them, so that messages meet, and most within their count. */
const chunkIndex = fc.oneof({ arbitrary: fc.nat(2).map(small), weight: 20 }, { arbitrary: u32, weight: 1 });
const chunkCount = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 4 }).map(small), weight: 20 },
  { arbitrary: u32, weight: 1 },
);

function small(number: number): Written<bigint> {
  return { json: String(number), value: BigInt(number) };
}

/** The cursor of the page before, whatever mailbox that was of, stands where this is written. */
export const LAST_CURSOR = 'the cursor of the page before';

const ends = ['0', '7', '00000000000000000007', String(U64_MAX), '0'.repeat(300)];
const madeCursors = recipients.flatMap((name) => ends.map((end) => cursorOf(`${name}:${end}`)));
const cursor = fc.oneof(
  { arbitrary: fc.constant({ json: JSON.stringify(LAST_CURSOR), value: LAST_CURSOR }), weight: 10 },
  { arbitrary: strings(...madeCursors), weight: 4 },
  {
    arbitrary: fc
      .constantFrom(
        '""',
        '1',
        '[]',
        '"YTox="',
        '"YTp4"',
        '"YQ=="',
        '"/zox"',
        `"${cursorOf(`a:${U64_MAX}0`)}"`,
      )
      .map((json) => ({ json, value: undefined })),
    weight: 1,
  },
);

export function cursorOf(text: string): string {
  return Buffer.from(text).toString('base64');
}

const bodies = {
  push: object({
    recipient,
    message_id: uuid,
    ciphertext_b64: payload,
    meta: object({ kind, total_len: u64, chunk_index: chunkIndex, chunk_count: chunkCount, sent_ms: u64 }),
  }),
  pull: object({ recipient }, { cursor, max: fc.oneof(fc.nat(3).map(small), u64) }),
  ack: object({ recipient, ack: list(object({ message_id: uuid, chunk_index: chunkIndex })) }),
};

type ValueOf<A> = A extends fc.Arbitrary<Written<infer T>> ? T : never;
export type PushValue = ValueOf<typeof bodies.push>;
export type PullValue = ValueOf<typeof bodies.pull>;
export type AckValue = ValueOf<typeof bodies.ack>;

/** A request: its path, its body, and what is right about it, undefined where it is to be refused. */
export type Asked =
  | { readonly path: '/push'; readonly body: Written<PushValue> }
  | { readonly path: '/pull'; readonly body: Written<PullValue> }
  | { readonly path: '/ack'; readonly body: Written<AckValue> };

export const asked: fc.Arbitrary<Asked> = fc.oneof(
  { arbitrary: bodies.push.map((body) => ({ path: '/push' as const, body })), weight: 5 },
  { arbitrary: bodies.pull.map((body) => ({ path: '/pull' as const, body })), weight: 3 },
  { arbitrary: bodies.ack.map((body) => ({ path: '/ack' as const, body })), weight: 2 },
);

/** How a body is sent. */
export interface Framing {
  readonly encoding: keyof typeof encoders;
  /** Lengths of chunks, over and over; undefined for a body with a Content-Length. */
  readonly chunks: readonly number[] | undefined;
  /** Where the request is cut into pieces, in shares of its length. */
  readonly cuts: readonly number[];
  readonly headers: readonly string[];
}

const encoders = {
  identity: (bytes: Buffer) => bytes,
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

const share = fc.double({ min: 0, max: 1, noNaN: true });

export const framing: fc.Arbitrary<Framing> = fc.record({
  encoding: fc.oneof(
    { arbitrary: fc.constant('identity' as const), weight: 8 },
    { arbitrary: fc.constantFrom('gzip' as const, 'deflate' as const, 'br' as const), weight: 1 },
  ),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 3 }), {
    nil: undefined,
    freq: 2,
  }),
  cuts: fc.array(share, { maxLength: 3 }),
  headers: fc.constantFrom(
    ['Content-Type: application/json'],
    ['content-type:application/json; charset=utf-8', 'X-Forwarded-For: 203.0.113.9, x'],
    ['CONTENT-TYPE:  Text/JSON ', 'Connection: keep-alive'],
    ['content-type: application/vnd.x+json', 'accept-encoding: zstd;q=1, *;q=0'],
  ),
});

/** The pieces of a request that is right as HTTP. */
export function piecesOf(path: string, json: string, { encoding, chunks, cuts, headers }: Framing): Buffer[] {
  const body = encoders[encoding](Buffer.from(json));
  const lines = [`POST ${path} HTTP/1.1`, 'Host: relay', ...headers];
  if (encoding !== 'identity') lines.push(`Content-Encoding: ${encoding}`);
  lines.push(chunks === undefined ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked');
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  return cut(Buffer.concat([head, chunks === undefined ? body : chunked(body, chunks)]), cuts);
}

export function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((at) => Math.floor(at * bytes.length)).sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}

function chunked(body: Buffer, lengths: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const chunk = body.subarray(at, at + (lengths[turn % lengths.length] as number));
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}
