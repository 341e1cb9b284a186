import type { Counters } from './metrics.ts';

/** `GET /health`: the process answers. */
export function health(): string {
  return '{"status":"ok"}';
}

/** `GET /stats`: with the counters where metrics are on. */
export function stats(uptimeMs: number, counters: Counters | undefined): string {
  const answer = { status: 'ok', uptime_ms: Math.floor(uptimeMs) };
  return JSON.stringify(counters === undefined ? answer : { ...answer, metrics: wireCounters(counters) });
}

function wireCounters(counters: Counters) {
  return {
    push_total: counters.pushTotal,
    push_stored: counters.pushStored,
    duplicates: counters.duplicates,
    pull_total: counters.pullTotal,
    ack_total: counters.ackTotal,
    ack_deleted: counters.ackDeleted,
    rate_limited: counters.rateLimited,
    gc_removed: counters.gcRemoved,
  };
}
