import { type Admit, bodyBytesMax, createApi } from './api.ts';
import type { RelayConfig } from './config.ts';
import type { Logger } from './log.ts';
import { Counters, createMetrics, type Metrics } from './metrics.ts';
import type { Clock, Store } from './stores/store.ts';
import { sweepRegularly } from './sweep.ts';

/** A relay without a server. */
export interface Assembly {
  readonly admit: Admit;
  /** How much of a body that is not wanted is read, so that its sender gets to read the answer. */
  readonly droppedBytesMax: number;
  /** Where they are on. */
  readonly metrics: Metrics | undefined;
  /** Resolves when no sweep runs any more. */
  endSweeps(): Promise<void>;
}

/** Puts together what answers requests on an open store and removes what expires there. */
export function assemble(
  config: RelayConfig,
  { store, log, clock }: { store: Store; log: Logger; clock: Clock },
): Assembly {
  const counters = new Counters();
  const metrics = config.metrics.enabled ? createMetrics(counters, store) : undefined;
  return {
    admit: createApi({ store, config, counters, log, clock, observe: metrics?.observe }),
    droppedBytesMax: bodyBytesMax(config),
    metrics,
    endSweeps: sweepRegularly(store, config.relay.gcIntervalSeconds, { clock, log, counters }),
  };
}
