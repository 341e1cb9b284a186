import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { ContentEncoding } from './api.ts';
import { RelayError } from './errors.ts';

const NOTHING = Buffer.alloc(0);

/** The length of a request's body as it is sent: 0 without one, Infinity where only its end will tell. */
export function sentLength({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  const length = headers['content-length'];
  return length === undefined ? 0 : Number(length);
}

/**
 * Reads a body to its end, as it is sent. Never settles when the connection ends before that.
 *
 * Throws `payload_too_large` as soon as it passes the limit.
 */
export function receive(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const length = sentLength(request);
  return new Promise((resolve, reject) => {
    if (length === 0) return resolve(NOTHING);
    const pieces: Buffer[] = [];
    let received = 0;
    request.on('data', function take(piece: Buffer) {
      received += piece.length;
      if (received > bytesMax) {
        request.off('data', take);
        return reject(new RelayError('payload_too_large'));
      }
      pieces.push(piece);
      // The end of a body of known length needs no waiting for.
      if (received === length) resolve(joined(pieces, received));
    });
    if (length === Number.POSITIVE_INFINITY) request.once('end', () => resolve(joined(pieces, received)));
  });
}

function joined(pieces: Buffer[], length: number): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, length);
}

type Compressed = Exclude<ContentEncoding, 'identity'>;

/** What zlib gives with `info`: the engine's `bytesWritten` is how much of its input belonged to the stream. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

type Inflate = (sent: Buffer, options: { maxOutputLength: number; chunkSize: number }) => Promise<Inflated>;

const inflaters: Readonly<Record<Compressed, Inflate>> = {
  gzip: informed(zlib.gunzip),
  deflate: informed(zlib.inflate),
  br: informed(zlib.brotliDecompress),
};

/**
 * Never holds more than `bytesMax` of what comes out, whatever would come out in all.
 *
 * Throws `payload_too_large` then, and `invalid_input` for what does not inflate.
 */
export async function inflate(sent: Buffer, encoding: Compressed, bytesMax: number): Promise<Buffer> {
  const options = { maxOutputLength: bytesMax, chunkSize: 65_536 };
  const { buffer, engine } = await inflaters[encoding](sent, options).catch((error) => {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw new RelayError('payload_too_large');
    throw new RelayError('invalid_input', `the body is not ${encoding}`, { cause: error });
  });
  if (engine.bytesWritten === sent.length) return buffer;
  throw new RelayError('invalid_input', `something follows the ${encoding} stream in the body`);
}

/** The types of zlib know nothing of `info`. */
function informed(decompress: typeof zlib.gunzip | typeof zlib.brotliDecompress): Inflate {
  const inflated = promisify(decompress) as (sent: Buffer, options: object) => Promise<unknown>;
  return (sent, options) => inflated(sent, { ...options, info: true }) as Promise<Inflated>;
}
