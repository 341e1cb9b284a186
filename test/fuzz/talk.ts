import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { RawAnswer } from '../raw.ts';

/** What came of the bytes that a client sent before it closed its side. */
export interface Talk {
  readonly answers: readonly RawAnswer[];
  /** What came behind the last whole answer. */
  readonly rest: string;
  /** The connection was torn down: answers may have been lost on the way. */
  readonly reset: boolean;
}

/** Longer than anything that the relay waits for takes, but its clients. */
const HANG_MS = 20_000;

/** Sends pieces one after another, closes this side, and reads what comes to its end. */
export function talk(baseUrl: string, pieces: readonly Buffer[]): Promise<Talk> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
  const received: Buffer[] = [];
  let reset = false;
  return new Promise((resolve, reject) => {
    const hang = setTimeout(() => {
      socket.destroy();
      reject(new Error(`a connection hangs after ${JSON.stringify(String(Buffer.concat(received)))}`));
    }, HANG_MS);
    socket.on('data', (piece) => received.push(piece));
    socket.on('error', () => {
      reset = true;
    });
    socket.on('close', () => {
      clearTimeout(hang);
      try {
        resolve({ ...readAnswers(Buffer.concat(received)), reset });
      } catch (error) {
        reject(error);
      }
    });
    socket.on('connect', () => sendInTurns(socket, [...pieces]));
  });
}

/** A turn of the event loop between them, so that a server in this process sees each by itself. */
function sendInTurns(socket: ReturnType<typeof connect>, pieces: Buffer[]): void {
  const piece = pieces.shift();
  if (piece === undefined) {
    socket.end();
  } else if (socket.writable) {
    socket.write(piece);
    setImmediate(sendInTurns, socket, pieces);
  }
}

function readAnswers(bytes: Buffer): Pick<Talk, 'answers' | 'rest'> {
  const answers: RawAnswer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return { answers, rest: bytes.toString('latin1', at) };
    const [first = '', ...lines] = bytes.toString('latin1', at, end).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) [A-Za-z ]+$/.exec(first)?.[1];
    assert.ok(status !== undefined, `no status line: ${JSON.stringify(first)}`);
    const headers = new Map(lines.map(splitHeader));
    assert.equal(headers.size, lines.length, `a header comes twice: ${lines}`);
    const length = bodyLength(bytes, end + 4, Number(headers.get('content-length') ?? 0));
    if (end + 4 + length > bytes.length) return { answers, rest: bytes.toString('latin1', at) };
    at = end + 4 + length;
    answers.push({ status: Number(status), headers, body: bytes.subarray(end + 4, at) });
  }
}

/** Nothing follows the head where the request was a HEAD. */
function bodyLength(bytes: Buffer, at: number, told: number): number {
  const follows = bytes.toString('latin1', at, at + 5);
  return follows === '' || follows === 'HTTP/' ? 0 : told;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  assert.ok(colon > 0, `no header: ${JSON.stringify(line)}`);
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
