import fc from 'fast-check';
import { message } from '../helpers.ts';
import { cut } from './requests.ts';
import {
  chunkedHeader,
  chunks,
  hostHeader,
  lengthHeader,
  lineEnd,
  method,
  mostly,
  otherHeader,
  otherTargets,
  typeHeader,
  version,
} from './shapes.ts';

/** A target with a body that it takes, or one that it does not. */
const asked = fc.oneof(
  {
    arbitrary: fc
      .nat(1_000_000)
      .map((number) => ({ target: '/push', body: JSON.stringify(message(number)) })),
    weight: 6,
  },
  { arbitrary: fc.constant({ target: '/pull', body: '{"recipient":"alice"}' }), weight: 2 },
  { arbitrary: fc.constant({ target: '/ack', body: '{"recipient":"alice","ack":[]}' }), weight: 1 },
  {
    arbitrary: fc.record({
      target: fc.constantFrom('/push', '/pull', ...otherTargets),
      body: fc.constantFrom('{"recipient":"alice"}', '', '{', 'GET /health HTTP/1.1\r\n\r\n'),
    }),
    weight: 2,
  },
);

/** One request, or what looks like one, as text of one byte a character. */
const request: fc.Arbitrary<string> = fc
  .record({ asked, framed: mostly('length', ['chunked', 'chunked', 'both', 'none'], 4) })
  .chain(({ asked: { target, body }, framed }) => {
    const framing: fc.Arbitrary<string>[] = [];
    if (framed === 'length' || framed === 'both') framing.push(lengthHeader(body.length));
    if (framed === 'chunked' || framed === 'both') framing.push(chunkedHeader);
    const headers = fc
      .tuple(
        hostHeader,
        typeHeader,
        ...framing,
        fc.oneof({ arbitrary: fc.constant(''), weight: 3 }, { arbitrary: otherHeader, weight: 2 }),
      )
      .map((lines) => lines.filter((line) => line !== ''));
    const sent =
      framed === 'chunked' || framed === 'both'
        ? fc.oneof(chunks(body), fc.constant(body))
        : fc.constant(body);
    return fc
      .tuple(method, version, headers, fc.array(lineEnd, { minLength: 7, maxLength: 7 }), sent)
      .map(([method, version, headers, ends, sent]) => {
        const lines = [`${method} ${target} ${version}`, ...headers];
        return `${lines.map((line, at) => line + (ends[at] ?? '\r\n')).join('')}${ends[6]}${sent}`;
      });
  });

const garbage = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

/**
 * What one connection sends, in pieces of one byte a character: requests, some wrong, at times cut off or with bytes
 * changed.
 */
export const connectionBytes: fc.Arbitrary<string[]> = fc
  .record({
    texts: fc.array(fc.oneof({ arbitrary: request, weight: 20 }, { arbitrary: garbage, weight: 1 }), {
      minLength: 1,
      maxLength: 4,
    }),
    edits: fc.oneof(
      { arbitrary: fc.constant([]), weight: 4 },
      { arbitrary: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), weight: 1 },
    ),
    end: fc.oneof(
      { arbitrary: fc.constant(1), weight: 4 },
      { arbitrary: fc.double({ min: 0, max: 1, noNaN: true }), weight: 1 },
    ),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  })
  .map(({ texts, edits, end, cuts }) => {
    const bytes = Buffer.from(texts.join(''), 'latin1');
    for (const [at, value] of edits) bytes[at % bytes.length] = value;
    return cut(bytes.subarray(0, Math.ceil(end * bytes.length)), cuts).map((piece) =>
      piece.toString('latin1'),
    );
  });
