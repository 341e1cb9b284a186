import { openMemoryStore } from '../../src/stores/memory.ts';
import { TestClock } from './clock.ts';
import { storeContract } from './contract.ts';
import { contractLimits } from './harness.ts';

storeContract(
  'memory store',
  async (t, limits) => {
    const clock = new TestClock();
    const store = openMemoryStore({ ...contractLimits, ...limits }, clock);
    t.after(() => store.close());
    return { store, clock };
  },
  { durable: false },
);
