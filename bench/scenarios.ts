import { type Comparison, compare, type Workload } from './compare.ts';
import { drive, type Load } from './drive.ts';
import { median, percentile } from './figures.ts';
import { rawFlushesMs } from './floor.ts';
import { newRecipient } from './requests.ts';
import {
  cycles,
  drain,
  ENDLESS,
  emptyPulls,
  PAGE_MESSAGES,
  pushes,
  readThrough,
  type Script,
} from './scripts.ts';
import type { Stage } from './stage.ts';

export interface Scenario {
  readonly name: string;
  /** What is done, for a reader of the report. */
  readonly about: string;
  /** Connections that push at once. */
  readonly pushConnections: number;
  run(stage: Stage): Promise<Outcome>;
}

export interface Outcome {
  readonly comparison?: Comparison;
  /** Named with their units. */
  readonly figures?: Readonly<Record<string, number>>;
}

const KIB = 1024;
/** Of the pushes, by default: as many as a relay in use may have. */
const MAILBOXES = 1_000;
/** The default chunk of an attachment. */
const ATTACHMENT_BYTES = 3_743_724;
/** Share of all pages that counts as the first ones, and as the last. */
const END_SHARE = 0.1;

export const rateScenarios: readonly Scenario[] = [
  { ...pushScenario('push-1', KIB, 1), run: pushNextToRawFlushes },
  ...[4, 16, 64, 256].map((connections) => pushScenario(`push-${connections}`, KIB, connections)),
  pushScenario('push-64k', 64 * KIB, 16),
  pushScenario('push-3.7m', ATTACHMENT_BYTES, 4),
  ...[1, 64].map(emptyPullScenario),
  ...[4, 64].map(cycleScenario),
  {
    name: 'pages',
    about: 'one connection pages through a full mailbox with its cursor, without acks',
    pushConnections: 0,
    run: pages,
  },
  {
    name: 'drain',
    about: 'one connection pulls and acks a full mailbox, page by page',
    pushConnections: 0,
    run: drained,
  },
];

/** Pushes new messages of 1 KiB, evenly to the recipients, and resolves when all are stored. */
export async function fill(stage: Stage, recipients: readonly string[], messages: number): Promise<Load> {
  const budget = { requests: messages };
  return drive(
    stage.relay,
    times(stage.fillConnections, () => pushes(recipients, KIB, budget)),
  );
}

function pushScenario(name: string, payloadBytes: number, connections: number): Scenario {
  return {
    name,
    about: `durable pushes of ${payloadBytes} bytes to ${MAILBOXES} mailboxes, ${connections} connection(s)`,
    pushConnections: connections,
    run: rates(() => {
      const recipients = times(MAILBOXES, newRecipient);
      const budget = { requests: ENDLESS };
      return times(connections, () => pushes(recipients, payloadBytes, budget));
    }),
  };
}

function emptyPullScenario(connections: number): Scenario {
  return {
    name: `empty-pull-${connections}`,
    about: `pulls from empty mailboxes, ${connections} connection(s)`,
    pushConnections: 0,
    run: rates(() => times(connections, () => emptyPulls(newRecipient()))),
  };
}

function cycleScenario(connections: number): Scenario {
  return {
    name: `cycle-${connections}`,
    about: `push, pull, ack of one message of 1 KiB after another, ${connections} connections with a mailbox each`,
    pushConnections: connections,
    run: rates(() => times(connections, () => cycles(newRecipient(), KIB))),
  };
}

function rates(scripts: () => Script[]): Scenario['run'] {
  return async ({ relay, effort }) => ({
    comparison: (await compare(relay, { scripts, warmUp: scripts }, effort)).comparison,
  });
}

async function pushNextToRawFlushes(stage: Stage): Promise<Outcome> {
  const before = rawFlushesMs(stage.directory, stage.effort.flushes);
  const { comparison } = await pushScenario('push-1', KIB, 1).run(stage);
  const after = rawFlushesMs(stage.directory, stage.effort.flushes);
  const rawFlushMs = percentile([...before, ...after], 0.5);
  const pushInRawFlushes = (comparison?.relay.p50Ms ?? Number.NaN) / rawFlushMs;
  return { ...(comparison && { comparison }), figures: { rawFlushMs, pushInRawFlushes } };
}

async function pages(stage: Stage): Promise<Outcome> {
  const { relay, effort } = stage;
  const recipient = newRecipient();
  await fill(stage, [recipient], effort.queueMessages);
  const scripts = () => [readThrough(recipient, effort.queueMessages)];
  const workload = { scripts, warmUp: scripts, whole: true };
  const { comparison, relayLoads } = await compare(relay, workload, effort);
  return { comparison, figures: endsMs(relayLoads, 1) };
}

async function drained(stage: Stage): Promise<Outcome> {
  const { relay, effort } = stage;
  const recipient = newRecipient();
  const warmUpRecipient = newRecipient();
  const warmUpMessages = 10 * PAGE_MESSAGES;
  await fill(stage, [recipient], effort.queueMessages);
  await fill(stage, [warmUpRecipient], warmUpMessages);
  const workload: Workload = {
    scripts: () => [drain(recipient, effort.queueMessages)],
    warmUp: () => [drain(warmUpRecipient, warmUpMessages)],
    whole: true,
  };
  // A mailbox is drained once.
  const { comparison, relayLoads } = await compare(relay, workload, { ...effort, rounds: 1 });
  await drive(relay, [emptyPulls(recipient, 1)]);
  return { comparison, figures: endsMs(relayLoads, 2) };
}

/** What a page took at the beginning and at the end, each the median of its pages, over all rounds. */
function endsMs(loads: readonly Load[], requestsPerPage: number): Record<string, number> {
  const first: number[] = [];
  const last: number[] = [];
  for (const { latenciesMs } of loads) {
    const pagesMs = times(latenciesMs.length / requestsPerPage, (page) =>
      sum(latenciesMs.slice(page * requestsPerPage, (page + 1) * requestsPerPage)),
    );
    const count = Math.ceil(pagesMs.length * END_SHARE);
    first.push(...pagesMs.slice(0, count));
    last.push(...pagesMs.slice(-count));
  }
  const [firstPagesMs, lastPagesMs] = [median(first), median(last)];
  return { firstPagesMs, lastPagesMs, lastToFirst: lastPagesMs / firstPagesMs };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
