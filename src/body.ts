import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { ContentEncoding } from './api.ts';
import { RelayError } from './errors.ts';
import { createGate } from './gate.ts';

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
    const body = new Received(Math.min(length, bytesMax));
    request.on('data', function take(piece: Buffer) {
      if (body.bytes.length + piece.length > bytesMax) {
        request.off('data', take);
        body.forget();
        return reject(new RelayError('payload_too_large'));
      }
      body.add(piece);
      // The end of a body of known length needs no waiting for.
      if (body.bytes.length === length) resolve(body.bytes);
    });
    if (length === Number.POSITIVE_INFINITY) request.once('end', () => resolve(body.bytes));
  });
}

/** What has come of a body. Its pieces may be of a byte each, and an object for each would take hundreds of times as much. */
class Received {
  readonly #bytesMax: number;
  #buffer: Buffer = NOTHING;
  bytes: Buffer = NOTHING;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(piece: Buffer): void {
    const { length } = this.bytes;
    // The first one is often the only one.
    if (length === 0) {
      this.bytes = piece;
      return;
    }
    const end = length + piece.length;
    if (end > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(2 * end, this.#bytesMax));
      this.bytes.copy(this.#buffer);
    }
    piece.copy(this.#buffer, length);
    this.bytes = this.#buffer.subarray(0, end);
  }

  /** The request may hold on to it while the rest is dropped. */
  forget(): void {
    this.#buffer = NOTHING;
    this.bytes = NOTHING;
  }
}

/** One may take a second of a thread, and flushes of the disk store need the same threads. */
const INFLATING_MAX = 2;

const oneOfFew = createGate(INFLATING_MAX);

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
  const inflating = oneOfFew(() => inflaters[encoding](sent, options));
  const { buffer, engine } = await inflating.catch((error) => {
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
