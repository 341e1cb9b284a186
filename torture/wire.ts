import { Agent, type IncomingMessage, request } from 'node:http';
import { hold, Violation } from './violation.ts';

/** What a relay has answered. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is looked into freely, and wrong ones are what this is for
  readonly body: any;
}

/** A relay's API as a client reaches it: on connections that are kept, and with a time that it waits. */
export class Wire {
  readonly #baseUrl: string;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ keepAlive: true });
  /** Set at a power cut, to when it was (`process.hrtime`): what comes later counts as never having come. */
  cutNs: Promise<bigint> | undefined;

  constructor(baseUrl: string, timeoutMs: number) {
    this.#baseUrl = baseUrl;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves with undefined when no whole answer comes; throws a `Violation` for what is no answer of a relay. */
  async post(path: string, body: object): Promise<Answer | undefined> {
    const sent = Buffer.from(JSON.stringify(body));
    const response = await this.#send(path, sent).catch(() => undefined);
    const cameNs = process.hrtime.bigint();
    if (response === undefined || (this.cutNs && cameNs > (await this.cutNs))) return undefined;
    const { statusCode = 0, headers } = response.head;
    const text = response.body.toString();
    hold(headers['content-type']?.startsWith('application/json'), () => `${path}: ${statusCode}, no JSON`);
    return { status: statusCode, body: parse(path, text) };
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: Buffer): Promise<{ head: IncomingMessage; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const sending = request(`${this.#baseUrl}${path}`, { method: 'POST', agent: this.#agent, headers });
      const timer = setTimeout(() => sending.destroy(new Error('no answer in time')), this.#timeoutMs);
      sending.on('close', () => clearTimeout(timer));
      sending.on('error', reject);
      sending.on('response', (head) => {
        const pieces: Buffer[] = [];
        head.on('data', (piece) => pieces.push(piece));
        head.on('error', reject);
        head.on('close', () => reject(new Error('cut off')));
        head.on('end', () => resolve({ head, body: Buffer.concat(pieces) }));
      });
      sending.end(body);
    });
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Violation(`${path}: an answer that is no JSON: ${text.slice(0, 200)}`);
  }
}
