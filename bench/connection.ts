import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Answer, AnswerReader } from './answer.ts';
import { certificateAuthority } from './certificate.ts';

/** Of each connection's read buffer: takes a small answer whole, and a page in a few pieces. */
const READ_BYTES = 65_536;

/** A connection to a server, for one request at a time. */
export class Connection {
  /** Resolves once it is made, handshake and all. */
  readonly connected: Promise<unknown>;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  #answered: (answer: Answer) => void = () => {};
  #failed: (error: Error) => void = () => {};

  /** To `http://host:port` or `https://host:port`. */
  constructor(url: string) {
    const { protocol, hostname: host, port } = new URL(url);
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (length: number, buffer: Uint8Array) => this.#read(buffer as Buffer, length),
    };
    const options = { host, port: Number(port), onread };
    const isTls = protocol === 'https:';
    this.#socket = isTls ? connectTls({ ...options, ca: certificateAuthority }) : connect(options);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('the server closed the connection')));
    this.connected = once(this.#socket, isTls ? 'secureConnect' : 'connect');
  }

  /** Sends a request and gives its answer, which may throw what is wrong with it. */
  ask(request: Buffer, answered: (answer: Answer) => void, failed: (error: Error) => void): void {
    this.#answered = answered;
    this.#failed = failed;
    this.#socket.write(request);
  }

  end(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer, length: number): boolean {
    try {
      const answer = this.#reader.read(buffer.subarray(0, length));
      if (answer !== undefined) this.#answered(answer);
    } catch (error) {
      this.#failed(error as Error);
    }
    return true;
  }
}
