import type { TestContext } from 'node:test';
import { openStore, type Store } from '../src/index.ts';
import { type Clock, systemClock } from '../src/stores/store.ts';
import { testConfig } from './helpers.ts';

/** A clock whose timers run when the test says so. */
export function manualClock() {
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      timers.set(run, ms);
      return () => timers.delete(run);
    },
  };
  return {
    clock,
    /** Runs the timers that wait for this long. */
    fire(ms: number): void {
      for (const [run, wait] of timers) if (wait === ms && timers.delete(run)) run();
    },
  };
}

/** A memory store with some of its methods replaced. */
export async function storeWith(t: TestContext, methods: (store: Store) => Partial<Store>): Promise<Store> {
  const store = await openStore(testConfig);
  t.after(() => store.close());
  return {
    ...methodsOf(store),
    ...methods(store),
  };
}

/** A store's methods as a plain object, some of which can be replaced. */
export function methodsOf(store: Store): Store {
  return {
    push: (pushed) => store.push(pushed),
    pull: (recipient, afterSeq, limit) => store.pull(recipient, afterSeq, limit),
    isEmpty: (recipient) => store.isEmpty?.(recipient) ?? false,
    ack: (recipient, keys) => store.ack(recipient, keys),
    sweep: () => store.sweep(),
    figures: () => store.figures(),
    close: () => store.close(),
  };
}

/** Holds what comes to it until it is opened. */
export function gate() {
  let open = (): void => {};
  let reached = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const pass = (): Promise<void> => {
    reached();
    return opened;
  };
  return { open, isReached, pass };
}

/** A store whose pushes wait: `begun` resolves with the first one, which goes on after `open`. */
export async function storeWithGate(t: TestContext) {
  const { open, isReached: begun, pass } = gate();
  const store = await storeWith(t, (inner) => ({
    async push(pushed) {
      await pass();
      return inner.push(pushed);
    },
  }));
  return { store, begun, open };
}
