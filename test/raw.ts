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

/** A connection whose bytes the test writes itself. */
export class RawConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #arrived = (): void => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => {
      this.#received = Buffer.concat([this.#received, piece]);
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
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end >= 0) {
        const [first = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
        const headers = new Map(lines.map((line) => splitHeader(line)));
        const length = body ? Number(headers.get('content-length') ?? 0) : 0;
        if (this.#received.length >= end + 4 + length) {
          const bytes = this.#received.subarray(end + 4, end + 4 + length);
          this.#received = this.#received.subarray(end + 4 + length);
          return { status: Number(first.split(' ')[1]), headers, body: bytes };
        }
      }
      assert.ok(!this.socket.closed, `closed after ${JSON.stringify(this.#received.toString('latin1'))}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** Resolves once the connection is closed, with what came and was not taken as an answer. */
  async ended(): Promise<string> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once('close', resolve));
    return this.#received.toString('latin1');
  }
}

/** Connects to a relay; the connection goes when the test ends. */
export async function connectRaw(t: TestContext, relay: Pick<Relay, 'baseUrl'>): Promise<RawConnection> {
  const { hostname, port } = new URL(relay.baseUrl);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return new RawConnection(socket);
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
