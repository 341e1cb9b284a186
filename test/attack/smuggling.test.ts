import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../../src/stores/memory.ts';
import { storeLimits } from '../../src/stores/open.ts';
import { talk } from '../fuzz/talk.ts';
import { message, startTestRelay, testConfig } from '../helpers.ts';
import { request } from '../raw.ts';

const smuggled = request('/push', JSON.stringify(message(1)));
const size = smuggled.length.toString(16);
const head = 'POST /pull HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n';

/**
 * Requests whose end two servers may see in different places; whoever takes the first end finds a push behind it. They
 * are refused, or it is a body.
 */
const shapes: readonly (readonly [what: string, bytes: string])[] = [
  [
    'a length and chunks',
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'chunks and a length',
    `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'chunks and a length of all',
    `${head}Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length + 5}\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['two lengths', `${head}Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  [
    'two lengths the other way',
    `${head}Content-Length: ${smuggled.length}\r\nContent-Length: 0\r\n\r\n${smuggled}`,
  ],
  ['a list of lengths', `${head}Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}`],
  ['a signed length', `${head}Content-Length: +0\r\n\r\n${smuggled}`],
  ['a length in hexadecimal', `${head}Content-Length: 0x0\r\n\r\n${smuggled}`],
  ['a length before a space', `${head}Content-Length : 0\r\n\r\n${smuggled}`],
  ['a length on a folded line', `${head}Content-Length:\r\n 0\r\n\r\n${smuggled}`],
  [
    'a folded header',
    `${head}X: y\r\n Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ],
  ['a header that ends with a line feed', `${head}X: y\nContent-Length: 0\r\n\r\n${smuggled}`],
  ['a header that ends with a carriage return', `${head}X: y\rContent-Length: 0\r\n\r\n${smuggled}`],
  ['a NUL in a header', `${head}X: \0\r\nContent-Length: 0\r\n\r\n${smuggled}`],
  ['chunks after another coding', `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
  ['chunks with a tab', `${head}Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['chunks before a space', `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['two codings', `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a size with a sign', `${head}Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n${smuggled}`],
  ['a size in another base', `${head}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${smuggled}`],
  ['a size that overflows', `${head}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n${smuggled}`],
  [
    'a chunk that is longer than its size',
    `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n${smuggled}`,
  ],
  ['a chunk extension with a line feed', `${head}Transfer-Encoding: chunked\r\n\r\n0;\nx\r\n\r\n${smuggled}`],
  ['a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${smuggled}\r\n0\r\n\r\n`],
  ['a body', `${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  [
    'an upgrade',
    `${head}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ],
  ['the end of the connection', `${head}Connection: close\r\nContent-Length: 0\r\n\r\n${smuggled}`],
];

for (const [what, bytes] of shapes) {
  test(`a push that hides behind ${what} is not done`, async (t) => {
    const store = openMemoryStore(storeLimits(testConfig));
    t.after(() => store.close());
    const { baseUrl } = await startTestRelay(t, {}, { store });
    const { answers } = await talk(baseUrl, [Buffer.from(bytes, 'latin1')]);
    assert.deepEqual([answers.map(({ status }) => status), store.figures().messages], [[400], 0]);
  });
}
