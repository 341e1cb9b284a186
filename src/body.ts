import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { ContentEncoding } from './api.ts';
import { RelayError } from './errors.ts';
import { createGate } from './gate.ts';
import { type LargeBody, SMALL_BODY_BYTES } from './large-bodies.ts';

const NOTHING = Buffer.alloc(0);

/** The length of a request's body as it is sent: 0 without one, Infinity where only its end will tell. */
export function sentLength({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  const length = headers['content-length'];
  return length === undefined ? 0 : Number(length);
}

/** What is known of a body before it is read. */
interface Expected {
  /** What `sentLength` says. */
  readonly bodyBytes: number;
  readonly bytesMax: number;
  readonly large?: LargeBody | undefined;
}

/**
 * Reads a body to its end, as it is sent. Resolves with undefined when that is given up.
 *
 * Throws `payload_too_large` as soon as it passes the limit, and what entering `large` throws.
 */
export function receive(request: IncomingMessage, expected: Expected): Promise<Buffer | undefined> {
  if (expected.bodyBytes === 0) return Promise.resolve(NOTHING);
  return new Promise((resolve, reject) => {
    const reading = new Reading(request, expected, { resolve, reject });
    if (expected.large !== undefined) readings.set(request, reading);
  });
}

/** Reads a large body on no more, and drops what is still to come of it. */
export function giveUpReading(request: IncomingMessage): void {
  readings.get(request)?.end();
}

const readings = new WeakMap<IncomingMessage, Reading>();

interface Settle {
  resolve(body: Buffer | undefined): void;
  reject(error: unknown): void;
}

/** A body of which some has come. Its pieces may be of a byte each, and an object for each would take hundreds of times as much. */
class Reading {
  readonly #request: IncomingMessage;
  readonly #expected: Expected;
  readonly #settle: Settle;
  #buffer: Buffer = NOTHING;
  #bytes: Buffer = NOTHING;
  #isIn: boolean;

  constructor(request: IncomingMessage, expected: Expected, settle: Settle) {
    this.#request = request;
    this.#expected = expected;
    this.#settle = settle;
    this.#isIn = expected.bodyBytes !== Number.POSITIVE_INFINITY;
    request.on('data', this.#take);
    if (!this.#isIn) request.once('end', this.#whole);
  }

  /** The request may hold on to this while the rest is dropped. */
  end(error?: unknown): void {
    this.#request.off('data', this.#take).off('end', this.#whole).resume();
    this.#buffer = NOTHING;
    this.#bytes = NOTHING;
    if (error === undefined) this.#settle.resolve(undefined);
    else this.#settle.reject(error);
  }

  readonly #take = (piece: Buffer): void => {
    const { bodyBytes, bytesMax } = this.#expected;
    if (this.#bytes.length + piece.length > bytesMax) {
      this.end(new RelayError('payload_too_large'));
      return;
    }
    this.#add(piece);
    // The end of a body of known length needs no waiting for.
    if (this.#bytes.length === bodyBytes) this.#whole();
    else if (this.#bytes.length > SMALL_BODY_BYTES && !this.#isIn) this.#enter();
  };

  #add(piece: Buffer): void {
    const { length } = this.#bytes;
    // The first one is often the only one.
    if (length === 0) {
      this.#bytes = piece;
      return;
    }
    const end = length + piece.length;
    if (end > this.#buffer.length) {
      this.#buffer = this.#allocate(end);
      this.#bytes.copy(this.#buffer);
    }
    piece.copy(this.#buffer, length);
    this.#bytes = this.#buffer.subarray(0, end);
  }

  #allocate(bytes: number): Buffer {
    const { bodyBytes, bytesMax, large } = this.#expected;
    if (!this.#isIn) return Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(2 * bytes, SMALL_BODY_BYTES)));
    if (bodyBytes === Number.POSITIVE_INFINITY) return Buffer.allocUnsafeSlow(Math.min(2 * bytes, bytesMax));
    return large?.allocate(bodyBytes) ?? Buffer.allocUnsafe(bodyBytes);
  }

  #enter(): void {
    this.#isIn = true;
    this.#request.pause();
    const goOn = (): void => void this.#request.resume();
    this.#expected.large?.enter().then(goOn, (error) => this.end(error));
  }

  readonly #whole = (): void => this.#settle.resolve(this.#bytes);
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
 * Undefined where more than `bytesMax` would come out, of which no more is held.
 *
 * Throws `invalid_input` for what does not inflate.
 */
export async function inflate(
  sent: Buffer,
  encoding: Compressed,
  bytesMax: number,
): Promise<Buffer | undefined> {
  const options = { maxOutputLength: bytesMax, chunkSize: 65_536 };
  const inflating = oneOfFew(() => inflaters[encoding](sent, options));
  const inflated = await inflating.catch((error) => {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw new RelayError('invalid_input', `the body is not ${encoding}`, { cause: error });
  });
  if (inflated === undefined || inflated.engine.bytesWritten === sent.length) return inflated?.buffer;
  throw new RelayError('invalid_input', `something follows the ${encoding} stream in the body`);
}

/** The types of zlib know nothing of `info`. */
function informed(decompress: typeof zlib.gunzip | typeof zlib.brotliDecompress): Inflate {
  const inflated = promisify(decompress) as (sent: Buffer, options: object) => Promise<unknown>;
  return (sent, options) => inflated(sent, { ...options, info: true }) as Promise<Inflated>;
}
