import { drive, type Load, type Target } from './drive.ts';
import type { ConstantAnswer, Floor } from './echo.ts';
import { median, memoryMb, percentile } from './figures.ts';
import type { Effort } from './options.ts';
import type { Script } from './scripts.ts';
import { type Server, startEcho } from './servers.ts';
import type { Stage } from './stage.ts';

export interface Workload {
  /** New scripts for a round, one for each connection. */
  scripts(): Script[];
  /** For every server before the first round, for as long as a warm-up may take. */
  warmUp(): Script[];
  /** Whether a round ends with its scripts; else it ends with its time. */
  readonly whole?: boolean;
  /** What the relay is compared to, where that is no other relay; a bare `node:http` server when it is not said. */
  readonly floors?: readonly Floor[];
}

/** Of a server under one workload; each the median of its rounds. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server for one request, in µs. */
  readonly cpuUs: number;
  /** Processor time of the generator in that of one processor: near 1, it is the generator that is measured. */
  readonly generatorShare: number;
}

/** Who is driven in turn with the relay: bare servers, or another relay. */
export type Other = Floor | 'relay';

/** The other's figures, and the relay's to them: taken within each round, the median of the rounds. */
export interface OtherFigures extends Figures {
  readonly rateRatio: number;
  readonly cpuRatio: number;
}

export interface Comparison {
  readonly relay: Figures;
  readonly others: Readonly<Partial<Record<Other, OtherFigures>>>;
  /** The most memory that the relay had at once, in MB. */
  readonly peakMb: number;
}

/** Drives the relay and, in turn with it, the other one or else bare servers that give the relay's own answers. */
export async function compare(
  { relay, against }: Stage,
  workload: Workload,
  effort: Pick<Effort, 'rounds' | 'seconds' | 'warmUpSeconds'>,
): Promise<{ comparison: Comparison; relayLoads: Load[] }> {
  const { rounds, warmUpSeconds } = effort;
  const seconds = workload.whole ? Infinity : effort.seconds;
  const answers = new Map<string, ConstantAnswer>();
  const sampled = workload.warmUp().map((script) => sampling(script, answers));
  await drive(relay, sampled, warmUpSeconds);

  const relayLoads: Load[] = [];
  const floors: readonly Floor[] = against === undefined ? (workload.floors ?? ['http']) : [];
  const servers: Server[] = [];
  const others: { kind: Other; target: Target; loads: Load[] }[] = [];
  if (against !== undefined) others.push({ kind: 'relay', target: against, loads: [] });
  try {
    for (const kind of floors) {
      const server = await startEcho(kind, answers);
      servers.push(server);
      others.push({ kind, target: server, loads: [] });
    }
    for (const { target } of others) await drive(target, workload.warmUp(), warmUpSeconds);
    for (let round = 0; round < rounds; round++) {
      relayLoads.push(await drive(relay, workload.scripts(), seconds));
      for (const { target, loads } of others) loads.push(await drive(target, workload.scripts(), seconds));
    }
  } finally {
    for (const server of servers) await server.stop();
  }

  const relayRounds = relayLoads.map(figures);
  const compared = others.map(({ kind, loads }) => [kind, otherFigures(relayRounds, loads.map(figures))]);
  const peakMb = memoryMb(relay.pid, 'VmHWM');
  const comparison = { relay: medians(relayRounds), others: Object.fromEntries(compared), peakMb };
  return { comparison, relayLoads };
}

function otherFigures(relay: readonly Figures[], other: readonly Figures[]): OtherFigures {
  const ratio = (key: keyof Figures) =>
    median(relay.map((round, index) => round[key] / (other[index]?.[key] ?? Number.NaN)));
  return { ...medians(other), rateRatio: ratio('perSecond'), cpuRatio: ratio('cpuUs') };
}

function figures(load: Load): Figures {
  return {
    perSecond: load.requests / load.seconds,
    p50Ms: percentile(load.latenciesMs, 0.5),
    p99Ms: percentile(load.latenciesMs, 0.99),
    cpuUs: (load.cpuSeconds / load.requests) * 1e6,
    generatorShare: load.generatorCpuSeconds / load.seconds,
  };
}

function medians(rounds: readonly Figures[]): Figures {
  const of = (key: keyof Figures) => median(rounds.map((round) => round[key]));
  return {
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuUs: of('cpuUs'),
    generatorShare: of('generatorShare'),
  };
}

/** Keeps the first answer of each path that a script asks for. */
function sampling(script: Script, answers: Map<string, ConstantAnswer>): Script {
  let path = '';
  return {
    next() {
      const request = script.next();
      path = request?.toString('latin1', 'POST '.length, request.indexOf(' HTTP/1.1')) ?? path;
      return request;
    },
    check(answer) {
      script.check(answer);
      if (answers.has(path)) return;
      answers.set(path, { headers: sentByHandler(answer.head), body: answer.body.toString() });
    },
  };
}

/** The headers of an answer without those that `node:http` writes by itself. */
function sentByHandler(head: string): Record<string, string> {
  const own = new Set(['connection', 'date', 'keep-alive']);
  const lines = head.split('\r\n').slice(1);
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return Object.fromEntries(fields.filter(([name]) => !own.has(name)));
}
