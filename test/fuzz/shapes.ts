import fc from 'fast-check';

/** Something that is as it should be most of the time, and else in one of many other ways. */
export function mostly(right: string, others: readonly string[], weight = 20): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight },
    { arbitrary: fc.constantFrom(...others), weight: 1 },
  );
}

/** Forms are written in a row, with a bar between two of them. */
function forms(row: string): string[] {
  return row.split('|');
}

/** The same, with the length of a body where N stands. */
function lengthForms(row: string, length: number | string): string[] {
  return forms(row.replaceAll('N', String(length)));
}

const LONG = 'y'.repeat(20_000);

export const lineEnd = mostly('\r\n', forms('\n|\r|\r\r\n|\n\n| \r\n|\0\r\n|'), 60);
export const method = fc.oneof(
  { arbitrary: fc.constant('POST'), weight: 12 },
  { arbitrary: fc.constantFrom(...forms('GET|HEAD|PUT|OPTIONS|CONNECT|TRACE|QUERY|PRI')), weight: 2 },
  { arbitrary: fc.constantFrom(...forms('post|POS|POST\t| POST|PUSH||\x16\x03\x01|P\0ST')), weight: 1 },
);
export const otherTargets = [
  ...forms(
    '/health|/stats|/push?a=/pull|http://relay/push|HTTPS://x:1/pull?|/no|*|//push|/push/|/PUSH|/%70ush',
  ),
  ...forms(`/push#x|push|http://|/\u00ff|/push\0||/a b|\\push|/${LONG}`),
];
export const version = mostly(
  'HTTP/1.1',
  forms('HTTP/1.0|HTTP/1.2|HTTP/2.0|HTTP/0.9|http/1.1|HTTP/1.1 |HTTP/11|ICE/1.0|'),
);
export const hostHeader = mostly(
  'Host: relay',
  forms('|Host:|Host: a\r\nHost: b|host: relay:80|Host: \u00e9'),
);
export const typeHeader = mostly(
  'Content-Type: application/json',
  forms(
    '|Content-Type: text/plain|content-type:text/json;x|Content-Type: application/json\r\nContent-Type: x',
  ),
);

/** Headers beside those. */
export const otherHeader = fc.constantFrom(
  ...forms(
    'Connection: close|Connection: keep-alive|connection: upgrade|Upgrade: websocket|Keep-Alive: timeout=0',
  ),
  ...forms(
    'Expect: x|Expect: 100-continue|Content-Encoding: identity|content-encoding: gzip|Content-Encoding: x',
  ),
  ...forms(
    'Accept-Encoding: br|Accept-Encoding: *|Host: other|Authorization: Basic eDp5|Trailer: x|TE: trailers',
  ),
  ...forms(
    'X-Forwarded-For: 203.0.113.9|Content-Type : text/json|Host : x|: x|x|x y: z| x: y|\tfolded|x:\u000b',
  ),
  ...forms(`x: \0|x: \u0001|x: \u00e9|\u00e9: x|x: ${LONG}|x:|\0: x|Via: 1.1 x|Content-Length|a: b\rc: d`),
);

/** Content-Length in the ways that have been used to smuggle one request in another. */
export function lengthHeader(length: number): fc.Arbitrary<string> {
  const same =
    'content-length:N|Content-Length: 0N|Content-Length: N |Content-Length: N\r\nContent-Length: N';
  const wrong =
    'Content-Length: +N|Content-Length: -N|Content-Length: 0xN|Content-Length: N,N|Content-Length: N.0|' +
    'Content-Length: Ne0|Content-Length: N 0|Content-Length : N|Content-Length:\r\n N|Content_Length: N|' +
    'Content-Length: N\r\nContent-Length: 0|Content-Length: \u0661N|Content-Length:|Content-Length: 0|' +
    'Content-Length: 18446744073709551616|Content-Length: 99999999';
  return mostly(`Content-Length: ${length}`, [
    ...lengthForms(`${same}|${wrong}`, length),
    ...lengthForms('Content-Length: N', length + 1),
    ...lengthForms('Content-Length: N', Math.max(0, length - 1)),
  ]);
}

export const chunkedHeader = mostly('Transfer-Encoding: chunked', [
  ...forms('transfer-encoding:chunked|Transfer-Encoding: Chunked|Transfer-Encoding: chunked, chunked'),
  ...forms('Transfer-Encoding: gzip, chunked|Transfer-Encoding: chunked, gzip|Transfer-Encoding: identity'),
  ...forms(
    'Transfer-Encoding: xchunked|Transfer-Encoding : chunked|Transfer-Encoding:\r\n chunked|Transfer-Encoding:',
  ),
  ...forms('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity|Transfer-Encoding: "chunked"'),
  ...forms('Transfer_Encoding: chunked|Transfer-Encoding: \u000bchunked|Transfer-Encoding: chunked;q=1'),
  ...forms('Transfer-Encoding: chunk| Transfer-Encoding: chunked'),
]);

const chunkEnd = mostly('\r\n', forms('\n|\r||x\r\n|\r\n\r\n'), 60);
const lastChunk = mostly('0', forms('00|0;x||0 |-0'));
const trailer = mostly(
  '',
  forms('x: y\r\n|Content-Length: 5\r\n|Transfer-Encoding: chunked\r\n|x\r\n| \r\n'),
);

/** A body in chunks. */
export function chunks(body: string): fc.Arbitrary<string> {
  return fc.integer({ min: 0, max: body.length }).chain((middle) => {
    const parts = [body.slice(0, middle), body.slice(middle)].filter((part) => part !== '');
    const written = parts.flatMap((part) => [chunkSize(part.length), chunkEnd, fc.constant(part), chunkEnd]);
    return fc.tuple(...written, lastChunk, chunkEnd, trailer, chunkEnd).map((texts) => texts.join(''));
  });
}

function chunkSize(length: number): fc.Arbitrary<string> {
  const size = length.toString(16);
  return mostly(size, [
    size.toUpperCase(),
    (length + 1).toString(16),
    ...lengthForms(`0N|N;x=y|0xN| N|N |-N|+N||g|ffffffffffffffff|10000000000000000|N\0|N;${LONG}`, size),
  ]);
}
