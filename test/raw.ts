import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Relay } from '../src/relay.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Whatever is awaited is sent long before; without this a test that fails would never end. */
const SILENCE_MS = 60_000;

/** A connection whose bytes the test writes itself. */
export class RawConnection {
  readonly socket: Socket;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #arrived = (): void => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#arrived();
    });
    socket.on('close', () => this.#arrived());
    // A reset shows as the end of the connection.
    socket.on('error', () => {});
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next answer. `body: false` where none follows the head whatever its headers say, as with HEAD and 100. */
  async answer({ body = true } = {}): Promise<RawAnswer> {
    let end = this.#received().indexOf('\r\n\r\n');
    for (; end < 0; end = this.#received().indexOf('\r\n\r\n')) await this.#more();
    const [first = '', ...lines] = this.#received().toString('latin1', 0, end).split('\r\n');
    const headers = new Map(lines.map(splitHeader));
    const status = Number(first.split(' ')[1]);
    this.#drop(end + 4);
    if (!body) return { status, headers, body: Buffer.alloc(0) };
    if (headers.get('transfer-encoding') === 'chunked')
      return { status, headers, body: await this.#chunks() };
    return { status, headers, body: await this.#take(Number(headers.get('content-length') ?? 0)) };
  }

  /** Resolves once the connection is closed, with what came and was not taken as an answer. */
  async ended(): Promise<string> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once('close', resolve));
    return this.#received().toString('latin1');
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      let end = this.#received().indexOf('\r\n');
      for (; end < 0; end = this.#received().indexOf('\r\n')) await this.#more();
      const length = Number.parseInt(this.#received().toString('latin1', 0, end), 16);
      this.#drop(end + 2);
      chunks.push(await this.#take(length));
      await this.#take(2);
      if (length === 0) return Buffer.concat(chunks);
    }
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#bytes < length) await this.#more();
    const taken = this.#received().subarray(0, length);
    this.#drop(length);
    return taken;
  }

  #drop(length: number): void {
    const rest = this.#received().subarray(length);
    this.#pieces = [rest];
    this.#bytes = rest.length;
  }

  #received(): Buffer {
    const received = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    if (received !== undefined) return received;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  async #more(): Promise<void> {
    const received = (): string => JSON.stringify(this.#received().toString('latin1'));
    assert.ok(!this.socket.closed, `closed after ${received()}`);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no more came after ${received()}`)), SILENCE_MS);
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Connects to a relay; the connection goes when the test ends. */
export async function connectRaw(t: TestContext, relay: Pick<Relay, 'baseUrl'>): Promise<RawConnection> {
  const connection = await dial(relay);
  t.after(() => connection.socket.destroy());
  return connection;
}

/** Connects to a relay; the connection is the caller's to end. */
export async function dial({ baseUrl }: Pick<Relay, 'baseUrl'>): Promise<RawConnection> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return new RawConnection(socket);
}

/** Lets a server do what it would do by now. */
export async function roundTrips(t: TestContext, server: Pick<Relay, 'baseUrl'>): Promise<void> {
  const connection = await connectRaw(t, server);
  for (let number = 0; number < 300; number++) {
    connection.send(request('/'));
    await connection.answer();
  }
}

/** A request's bytes. `length` where the body comes later. */
export function request(
  target: string,
  body = '',
  extra: readonly string[] = [],
  length = body.length,
): string {
  const head = [`POST ${target} HTTP/1.1`, 'host: relay', 'content-type: application/json', ...extra];
  if (!extra.some((line) => line.startsWith('transfer-encoding'))) head.push(`content-length: ${length}`);
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** A push's bytes with a compressed body. */
export function compressed(encoding: string, body: Buffer): Buffer {
  const head = request('/push', '', [`content-encoding: ${encoding}`], body.length);
  return Buffer.concat([Buffer.from(head), body]);
}

export const health = 'GET /health HTTP/1.1\r\nhost: relay\r\n\r\n';

/** The code of an error answer, which must be JSON. */
export function errorCode({ headers, body }: RawAnswer): string {
  assert.equal(headers.get('content-type'), 'application/json');
  return JSON.parse(body.toString()).error.code;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
