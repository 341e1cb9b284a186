import fc from 'fast-check';

/** What a client sends on one connection, and where it is cut into writes. */
export interface Stream {
  readonly bytes: Buffer;
  readonly cuts: readonly number[];
  /** In how many turns of the event loop the store does anything. */
  readonly storeTurns: number;
}

/** Mailboxes that streams are about. */
export const recipients = ['a', 'b', 'b:1', '\u00e4\u20ac'];

const CRLF = '\r\n';

const requestLine = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('/push', '/pull', '/ack').map((path) => `POST ${path} HTTP/1.1`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'GET /health HTTP/1.1',
      'GET /stats HTTP/1.1',
      'POST /health HTTP/1.1',
      'POST /push HTTP/1.0',
      'POST /push HTTP/1.2',
      'POST /push HTTP/2.0',
      'POST /push http/1.1',
      'POST /push',
      'post /push HTTP/1.1',
      'POST  /push HTTP/1.1',
      'POST /push  HTTP/1.1',
      'POST /push HTTP/1.1 ',
      ' POST /push HTTP/1.1',
      '\r\nPOST /push HTTP/1.1',
      '\nPOST /push HTTP/1.1',
      'POST /push?a=1 HTTP/1.1',
      'POST /push/ HTTP/1.1',
      'POST //push HTTP/1.1',
      'POST http://relay/push HTTP/1.1',
      'HEAD /push HTTP/1.1',
      'OPTIONS * HTTP/1.1',
      'CONNECT relay:1 HTTP/1.1',
      'PUSH /push HTTP/1.1',
    ),
  },
);

/** Lines of a head, right, odd and wrong. */
const extraHeader = fc.oneof(
  fc.constantFrom(
    'Accept: */*',
    'User-Agent: a client',
    'Authorization: Basic eDp5',
    'X-Forwarded-For: 1.2.3.4',
  ),
  fc.constantFrom(
    'Accept-Encoding: gzip, br',
    'Connection: keep-alive',
    'connection: close',
    'Connection: upgrade',
    'Upgrade: h2c',
    'Expect: 100-continue',
    'Expect: something',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip, chunked',
    'TE: trailers',
    'Trailer: x',
    'Keep-Alive: timeout=1',
    'Proxy-Connection: close',
    'Content-Encoding: identity',
    'Content-Encoding: zip',
    'Content-Type: text/plain',
    'content-type: application/json',
    'Content-Length: 5',
    'content-length : 5',
    'Host: other',
    'host:',
    'HTTP2-Settings: x',
    'X-Forwarded-For: 1.2.3.4, ::1',
    'x-forwarded-for: garbage',
  ),
  fc.constantFrom(
    'x:y',
    'x : y',
    'x:  y',
    'x: y ',
    'x:\ty',
    'x: \u00e9',
    'x: \u0000',
    'x: a\rb',
    'x: a\nb',
    'x: ',
    ' folded: y',
    '\tfolded',
    ': y',
    'no colon',
    '\u00e9: y',
    'x(y): z',
    '__proto__: y',
    'constructor: y',
    `x: ${'y'.repeat(5_000)}`,
    `x: ${'y'.repeat(20_000)}`,
  ),
);

const message = fc.record({
  recipient: fc.constantFrom(...recipients, ''),
  message_id: fc.nat(5).map((number) => `00000000-0000-4000-8000-00000000000${number}`),
  ciphertext_b64: fc.oneof(
    fc.constantFrom('', 'YQ==', 'YR==', '*'),
    fc.nat(60_000).map((length) => 'QUJD'.repeat(length / 4)),
  ),
  meta: fc.record({
    kind: fc.constantFrom('text', '\u{1f600}'),
    total_len: fc.constantFrom(1, 2 ** 53),
    chunk_index: fc.nat(2),
    chunk_count: fc.constantFrom(2, 0),
    sent_ms: fc.constant(1),
  }),
});
const other = fc.record(
  {
    recipient: fc.constantFrom(...recipients, ''),
    max: fc.constantFrom(null, 0, 1, 2),
    cursor: fc.constantFrom(null, 'YTow', 'YTo5OTk=', '!'),
    ack: fc.array(
      fc.record({
        message_id: fc.nat(5).map((number) => `00000000-0000-4000-8000-00000000000${number}`),
        chunk_index: fc.nat(2),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['recipient', 'ack'] },
);
const body = fc.oneof(
  { weight: 4, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 4, arbitrary: other.map((value) => JSON.stringify(value)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '{', '[]', '3\r\n{}\n\r\n0\r\n\r\n', `"${'x'.repeat(40_000)}"`, '\u00ff'),
  },
);

/** What a Content-Length says of a body that is so long; undefined for no such header. */
const lengths: fc.Arbitrary<(length: number) => string | undefined> = fc.oneof(
  { weight: 30, arbitrary: fc.constant((length: number) => `${length}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      () => undefined,
      (length: number) => `${length + 1}`,
      (length: number) => `${length + 100}`,
      (length: number) => `${Math.max(0, length - 1)}`,
      (length: number) => `0${length}`,
      (length: number) => `+${length}`,
      (length: number) => `-${length}`,
      (length: number) => `${length} `,
      (length: number) => `${length}, ${length}`,
      (length: number) => `0x${length.toString(16)}`,
      () => '0',
      () => '',
      () => '3000000',
      () => '99999999999999999999',
    ),
  },
);

const request = fc
  .record({
    line: requestLine,
    host: fc.oneof({ weight: 30, arbitrary: fc.constant(['Host: relay']) }, fc.constant([])),
    type: fc.oneof(
      { weight: 30, arbitrary: fc.constant(['Content-Type: application/json']) },
      fc.constant([]),
    ),
    extra: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(extraHeader, { maxLength: 3 }) },
    ),
    length: lengths,
    last: fc.boolean(),
    body,
    end: fc.oneof(
      { weight: 30, arbitrary: fc.constant(CRLF) },
      fc.constantFrom('\n', '\r', '\r\r\n', ' \r\n', ''),
    ),
  })
  .map(({ line, host, type, extra, length, last, body, end }) => {
    const told = length(Buffer.byteLength(body));
    const lengthHeader = told === undefined ? [] : [`Content-Length: ${told}`];
    const headers = last
      ? [...host, ...type, ...extra, ...lengthHeader]
      : [...lengthHeader, ...extra, ...type, ...host];
    const head = [line, ...headers].map((text) => Buffer.from(`${text}${CRLF}`, 'latin1'));
    return Buffer.concat([...head, Buffer.from(end), Buffer.from(body)]);
  });

interface Slip {
  readonly at: number;
  readonly removed: number;
  readonly put: string;
}

/** One byte in another's place, one more, or one less. */
const slip: fc.Arbitrary<Slip> = fc.record({
  at: fc.nat(),
  removed: fc.nat(1),
  put: fc.constantFrom('', '\0', '\r', '\n', ' ', ':', '\u0080', 'A', '1'),
});

export const streams: fc.Arbitrary<Stream> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 6 }),
    again: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat({ max: 5 }), { maxLength: 6 })),
    isEachCut: fc.boolean(),
    slips: fc.oneof(fc.constant<Slip[]>([]), fc.array(slip, { minLength: 1, maxLength: 2 })),
    cuts: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat(), { maxLength: 8 })),
    storeTurns: fc.oneof(fc.constant(0), fc.nat({ max: 20 })),
  })
  .map(({ requests, again, isEachCut, slips, cuts, storeTurns }) => {
    const some = [...requests, ...again.map((index) => requests[index % requests.length] as Buffer), LAST];
    const upgrade = some.findIndex(asksForUpgrade);
    const all = upgrade < 0 ? some : some.slice(0, upgrade + 1);
    const bytes = slips.reduce(slipped, Buffer.concat(all));
    const places = cuts.map((cut) => cut % bytes.length);
    const borders = all.map((_, index) => Buffer.concat(all.slice(0, index)).length);
    const allCuts = new Set(isEachCut ? [...places, ...borders] : places);
    return { bytes, cuts: [...allCuts].sort((a, b) => a - b), storeTurns };
  });

/** Of what comes in one piece with the end of such a request, node's parser reads nothing: what does is up to the network. */
function asksForUpgrade(bytes: Buffer): boolean {
  return bytes.includes('Upgrade:');
}

const LAST = Buffer.from('GET /health HTTP/1.1\r\nHost: last\r\n\r\n');

function slipped(bytes: Buffer, { at, removed, put }: Slip): Buffer {
  const place = at % bytes.length;
  return Buffer.concat([
    bytes.subarray(0, place),
    Buffer.from(put, 'latin1'),
    bytes.subarray(place + removed),
  ]);
}
