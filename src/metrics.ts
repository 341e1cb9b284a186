import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import { registerLatencies } from './latencies.ts';
import { openFiles } from './open-files.ts';
import type { DiskFigures, Store } from './stores/store.ts';

/** What the relay counts from its start; operations and the sweep add to it, `/stats` and the scrape read it. */
export class Counters {
  /** Pushes past the rate limit with a well-formed body, refused ones too; the same of pulls and acks below. */
  pushTotal = 0;
  pushStored = 0;
  /** Pushes of what was queued or remembered already. */
  duplicates = 0;
  pullTotal = 0;
  ackTotal = 0;
  /** Messages deleted by acks. */
  ackDeleted = 0;
  /** Requests answered 429. */
  rateLimited = 0;
  /** Expired messages removed. */
  gcRemoved = 0;
}

export type Route = 'push' | 'pull' | 'ack' | 'health' | 'stats' | 'other';

/** Told of every answer, when metrics are on. */
export type Observe = (route: Route, status: number, seconds: number) => void;

export interface Metrics {
  readonly registry: Registry;
  readonly observe: Observe;
}

/**
 * The metrics of one relay, in a registry of its own: two relays in a process do not meet. All but the latencies are
 * read where they are kept, at the scrape. No label holds a recipient or an address.
 */
export function createMetrics(counters: Readonly<Counters>, store: Pick<Store, 'figures'>): Metrics {
  const registry = new Registry();
  const rows = [...counterRows(counters), ...storeRows(store), ...processRows];
  for (const row of rows) register(registry, row);
  return { registry, observe: registerLatencies(registry) };
}

interface Row {
  readonly type: typeof Counter | typeof Gauge;
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

function row(type: Row['type'], name: string, help: string, read: Row['read']): Row {
  return { type, name, help, read };
}

function register(registry: Registry, { type: Type, name, help, read }: Row): void {
  const metric = new Type({
    name,
    help,
    registers: [registry],
    collect() {
      metric.reset();
      metric.inc(read());
    },
  });
}

function counterRows(counters: Readonly<Counters>): Row[] {
  const counter = (name: string, help: string, read: () => number): Row =>
    row(Counter, `enigma_relay_${name}_total`, help, read);
  return [
    counter('push', 'Pushes with a well-formed body, refused ones too.', () => counters.pushTotal),
    counter('push_stored', 'Messages stored.', () => counters.pushStored),
    counter('duplicates', 'Pushes of what was queued or remembered already.', () => counters.duplicates),
    counter('pull', 'Pulls with a well-formed body, refused ones too.', () => counters.pullTotal),
    counter('ack', 'Acks with a well-formed body, refused ones too.', () => counters.ackTotal),
    counter('ack_deleted', 'Messages deleted by acks.', () => counters.ackDeleted),
    counter('rate_limited', 'Requests answered 429.', () => counters.rateLimited),
    counter('gc_removed', 'Expired messages removed.', () => counters.gcRemoved),
  ];
}

function storeRows(store: Pick<Store, 'figures'>): Row[] {
  const gauge = (name: string, help: string, read: () => number): Row =>
    row(Gauge, `enigma_relay_${name}`, help, read);
  const rows = [
    gauge('messages', 'Messages in all mailboxes.', () => store.figures().messages),
    gauge('payload_bytes', 'Payload bytes of the messages in all mailboxes.', () => store.figures().bytes),
    gauge('mailboxes', 'Mailboxes that hold a message or a memory.', () => store.figures().mailboxes),
    gauge('memories', 'Acked messages remembered for the dedup window.', () => store.figures().memories),
    gauge(
      'sweep_lag_seconds',
      'How long the message that is longest overdue has been due for removal.',
      () => store.figures().sweepLagMs / 1000,
    ),
  ];
  return store.figures().disk === undefined ? rows : [...rows, ...diskRows(store)];
}

function diskRows(store: Pick<Store, 'figures'>): Row[] {
  const disk = (type: Row['type'], name: string, help: string, figure: keyof DiskFigures): Row =>
    row(type, `enigma_relay_store_${name}`, help, () => Number(store.figures().disk?.[figure] ?? 0));
  return [
    disk(Gauge, 'file_bytes', 'Bytes of all files of the store.', 'fileBytes'),
    disk(Gauge, 'segments', 'Segment files of the store.', 'segments'),
    disk(Gauge, 'backlog_bytes', 'Bytes that wait to be written.', 'backlogBytes'),
    disk(Gauge, 'full', '1 while the disk is full and pushes are refused, else 0.', 'full'),
    disk(Gauge, 'broken', '1 while the disk fails and nothing is taken, else 0.', 'broken'),
    disk(Counter, 'batches_total', 'Batches written, each with one flush.', 'batches'),
    disk(Counter, 'flush_seconds_total', 'Time spent in write and flush of batches.', 'flushSeconds'),
    disk(Counter, 'flush_failures_total', 'Batches that could not be written or flushed.', 'flushFailures'),
    disk(Counter, 'damaged_total', 'Messages found damaged on disk since the start.', 'damaged'),
  ];
}

/** Of the whole process, by the names that Prometheus' client libraries share. */
const processRows: readonly Row[] = [
  row(Counter, 'process_cpu_seconds_total', 'User and system CPU time of the process.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }),
  row(Gauge, 'process_start_time_seconds', 'When the process started, in Unix time.', () => {
    return performance.timeOrigin / 1000;
  }),
  row(Gauge, 'process_resident_memory_bytes', 'Resident memory of the process.', () =>
    process.memoryUsage.rss(),
  ),
  row(
    Gauge,
    'process_open_fds',
    'Open file descriptors; 0 where the system does not tell.',
    () => openFiles() ?? 0,
  ),
  row(Gauge, 'nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed),
  row(Gauge, 'nodejs_external_memory_bytes', 'Memory of buffers outside the JavaScript heap.', () => {
    return process.memoryUsage().external;
  }),
  row(
    Counter,
    'nodejs_eventloop_active_seconds_total',
    'Time in which the event loop was not idle; its rate is the utilisation, 0 to 1.',
    () => performance.eventLoopUtilization().active / 1000,
  ),
];
