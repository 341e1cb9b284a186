import type { Logger } from './log.ts';
import type { Counters } from './metrics.ts';
import type { Clock, Store } from './stores/store.ts';

/**
 * Removes what is due every `intervalSeconds`, one sweep at a time; one that fails is logged, and the next one comes.
 * Returns what ends it, and waits for one that is under way.
 */
export function sweepRegularly(
  store: Store,
  intervalSeconds: number,
  { clock, log, counters }: { clock: Clock; log: Logger; counters: Counters },
): () => Promise<void> {
  const intervalMs = intervalSeconds * 1000;
  let stopped = false;
  let current = Promise.resolve();
  let cancel = clock.after(intervalMs, begin);

  function begin(): void {
    current = sweep();
  }

  async function sweep(): Promise<void> {
    try {
      const removed = await store.sweep();
      counters.gcRemoved += removed;
      if (removed > 0) log.debug({ removed }, 'expired messages removed');
    } catch (error) {
      log.error({ err: error }, 'expired messages could not be removed');
    }
    if (!stopped) cancel = clock.after(intervalMs, begin);
  }

  return () => {
    stopped = true;
    cancel();
    return current;
  };
}
