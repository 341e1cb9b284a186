import type { Answer } from './answer.ts';
import { Connection } from './connection.ts';
import { cpuSeconds } from './figures.ts';
import type { Script } from './scripts.ts';

/** A server under load. */
export interface Target {
  /** `http://host:port` or `https://host:port`. */
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

const STALLED_AFTER_MS = 15_000;

/**
 * A closed loop: every script has a connection of its own, on which each request waits for the answer before. Ends when
 * the scripts have no more to say, or with the requests under way when the time is over. Rejects at the first wrong
 * answer.
 */
export function drive(target: Target, scripts: readonly Script[], seconds = Infinity): Promise<Load> {
  return underLoad(target, scripts.length, async (connections, latenciesMs) => {
    const untilMs = performance.now() + seconds * 1000;
    await Promise.all(
      scripts.map((script, index) => {
        const connection = connections[index] as Connection;
        return converse(connection, script, untilMs, latenciesMs);
      }),
    );
  });
}

/** Runs a load on so many connections, and measures it. Whatever runs it notes the latency of each answer. */
export async function underLoad(
  { url, pid }: Target,
  count: number,
  run: (connections: readonly Connection[], latenciesMs: number[]) => Promise<void>,
): Promise<Load> {
  const latenciesMs: number[] = [];
  const connections = Array.from({ length: count }, () => new Connection(url));
  const watch = watchForStall(latenciesMs);
  try {
    await Promise.all(connections.map(({ connected }) => connected));
    const [cpuBefore, generatorBefore, startedMs] = [cpuSeconds(pid), ownCpuSeconds(), performance.now()];
    await Promise.race([watch.stalled, run(connections, latenciesMs)]);
    return {
      requests: latenciesMs.length,
      seconds: (performance.now() - startedMs) / 1000,
      cpuSeconds: cpuSeconds(pid) - cpuBefore,
      generatorCpuSeconds: ownCpuSeconds() - generatorBefore,
      latenciesMs,
    };
  } finally {
    watch.end();
    for (const connection of connections) connection.end();
  }
}

function converse(
  connection: Connection,
  script: Script,
  untilMs: number,
  latenciesMs: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentMs = 0;
    function say(): void {
      sentMs = performance.now();
      const request = sentMs < untilMs ? script.next() : undefined;
      if (request === undefined) resolve();
      else connection.ask(request, answered, reject);
    }
    function answered(answer: Answer): void {
      latenciesMs.push(performance.now() - sentMs);
      script.check(answer);
      say();
    }
    say();
  });
}

function watchForStall(answers: readonly unknown[]): { stalled: Promise<never>; end(): void } {
  let seen = 0;
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      if (answers.length === seen) reject(new Error(`no answer in ${STALLED_AFTER_MS / 1000} seconds`));
      seen = answers.length;
    }, STALLED_AFTER_MS);
  });
  return { stalled, end: () => clearInterval(timer) };
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
