import { promisify } from 'node:util';
import zlib from 'node:zlib';

export type ResponseEncoding = 'br' | 'gzip' | 'deflate';

/** Shorter answers gain nothing. */
const COMPRESSED_LENGTH_MIN = 1_024;

/** The flushes of the disk store need the same few threads: while this many are compressing, others answer plainly. */
const COMPRESSING_MAX = 2;

/**
 * The encoding to answer with: of those that `Accept-Encoding` rates highest, the one that is cheapest here. Undefined
 * for none, which is always acceptable to us, whatever the header says of `identity`.
 */
export function chooseEncoding(accepted: string | undefined, length: number): ResponseEncoding | undefined {
  if (accepted === undefined || length < COMPRESSED_LENGTH_MIN || compressing >= COMPRESSING_MAX)
    return undefined;
  const rated = new Map(accepted.toLowerCase().split(',').map(rating));
  let best: ResponseEncoding | undefined;
  let bestQuality = 0;
  for (const encoding of cheapestFirst) {
    const quality = rated.get(encoding) ?? rated.get('*') ?? 0;
    if (quality > bestQuality) [best, bestQuality] = [encoding, quality];
  }
  return best;
}

/** Runs on another thread. */
export async function compress(body: string | Buffer, encoding: ResponseEncoding): Promise<Buffer> {
  compressing++;
  try {
    return await compressors[encoding](body);
  } finally {
    compressing--;
  }
}

let compressing = 0;

/** An entry of `Accept-Encoding`, `gzip;q=0.5`: the name, and how it is rated from 0 (never) to 1. */
function rating(entry: string): [string, number] {
  const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return [name, quality === undefined ? 1 : Number(quality.slice(2))];
}

// Sealed payloads shrink by what base64 added and no further, so the lowest levels lose nothing; of the 350 KB of a
// page with 256 KiB of payload, above which pages go in parts, brotli's takes 2.5 ms, deflate's 10 ms.
const cheapestFirst: readonly ResponseEncoding[] = ['br', 'gzip', 'deflate'];
const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);
const deflate = promisify(zlib.deflate);

const compressors: Readonly<Record<ResponseEncoding, (body: string | Buffer) => Promise<Buffer>>> = {
  br: (body) => brotli(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
  gzip: (body) => gzip(body, { level: 1 }),
  deflate: (body) => deflate(body, { level: 1 }),
};
