import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './answer.ts';
import { cpuSeconds } from './figures.ts';
import type { Script } from './scripts.ts';

/** A server under load. */
export interface Target {
  /** `http://host:port`. */
  readonly url: string;
  /** Undefined for a server elsewhere: its processor time and memory stay unknown. */
  readonly pid: number | undefined;
}

/** What a load came to. */
export interface Load {
  readonly requests: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Processor time of the server, and of the generator. */
  readonly cpuSeconds: number;
  readonly generatorCpuSeconds: number;
  /** One for each request, in order of the answers. */
  readonly latenciesMs: readonly number[];
}

/** Thrown when no connection gets an answer any more. */
export class StalledError extends Error {}

const STALLED_AFTER_MS = 15_000;
/** Of each connection's read buffer: takes a small answer whole, and a page in a few pieces. */
const READ_BYTES = 65_536;

/**
 * A closed loop: every script has a connection of its own, on which each request waits for the answer before. Ends when
 * the scripts have no more to say, or with the requests under way when the time is over. Rejects at the first wrong
 * answer.
 */
export async function drive(target: Target, scripts: readonly Script[], seconds = Infinity): Promise<Load> {
  const { hostname, port } = new URL(target.url);
  const latenciesMs: number[] = [];
  const talks = scripts.map((script) => new Talk(script, latenciesMs, hostname, Number(port)));
  const watch = watchForStall(latenciesMs);
  try {
    await Promise.all(talks.map((talk) => talk.connected));
    const [cpuBefore, generatorBefore, startedMs] = [
      cpuSeconds(target.pid),
      ownCpuSeconds(),
      performance.now(),
    ];
    await Promise.race([
      watch.stalled,
      Promise.all(talks.map((talk) => talk.run(startedMs + seconds * 1000))),
    ]);
    return {
      requests: latenciesMs.length,
      seconds: (performance.now() - startedMs) / 1000,
      cpuSeconds: cpuSeconds(target.pid) - cpuBefore,
      generatorCpuSeconds: ownCpuSeconds() - generatorBefore,
      latenciesMs,
    };
  } finally {
    watch.end();
    for (const talk of talks) talk.end();
  }
}

/** A script on its connection. */
class Talk {
  readonly connected: Promise<unknown>;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  readonly #script: Script;
  readonly #latenciesMs: number[];
  #untilMs = 0;
  #sentMs = 0;
  #done: () => void = () => {};
  #failed: (error: Error) => void = () => {};

  constructor(script: Script, latenciesMs: number[], host: string, port: number) {
    this.#script = script;
    this.#latenciesMs = latenciesMs;
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (length: number, buffer: Uint8Array) => this.#read(buffer as Buffer, length),
    };
    this.#socket = connect({ host, port, noDelay: true, onread });
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('the server closed the connection')));
    this.connected = once(this.#socket, 'connect');
  }

  run(untilMs: number): Promise<void> {
    this.#untilMs = untilMs;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#say();
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #say(): void {
    this.#sentMs = performance.now();
    const request = this.#sentMs < this.#untilMs ? this.#script.next() : undefined;
    if (request === undefined) this.#done();
    else this.#socket.write(request);
  }

  #read(buffer: Buffer, length: number): boolean {
    try {
      const answer = this.#reader.read(buffer.subarray(0, length));
      if (answer !== undefined) {
        this.#latenciesMs.push(performance.now() - this.#sentMs);
        this.#script.check(answer);
        this.#say();
      }
    } catch (error) {
      this.#failed(error as Error);
    }
    return true;
  }
}

function watchForStall(answers: readonly unknown[]): { stalled: Promise<never>; end(): void } {
  let seen = 0;
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      if (answers.length === seen)
        reject(new StalledError(`no answer in ${STALLED_AFTER_MS / 1000} seconds`));
      seen = answers.length;
    }, STALLED_AFTER_MS);
  });
  return { stalled, end: () => clearInterval(timer) };
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
