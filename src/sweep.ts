import type { Log } from './log.ts';
import type { Clock, Store } from './stores/store.ts';

/** The longest that a timer can wait. */
const TIMER_MS_MAX = 24 * 86_400_000;

/**
 * Removes what is due every `intervalSeconds`, one sweep at a time; one that fails is logged, and the next one comes.
 * Calls `onRemoved` with how many messages each removed. Returns what ends it, and waits for one that is under way.
 */
export function sweepRegularly(
  store: Store,
  intervalSeconds: number,
  { clock, log, onRemoved }: { clock: Clock; log: Log; onRemoved: (messages: number) => void },
): () => Promise<void> {
  const intervalMs = Math.min(intervalSeconds * 1000, TIMER_MS_MAX);
  let stopped = false;
  let current = Promise.resolve();
  let cancel = clock.after(intervalMs, begin);

  function begin(): void {
    current = sweep();
  }

  async function sweep(): Promise<void> {
    try {
      const removed = await store.sweep();
      onRemoved(removed);
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
