import { TestClock } from '../stores/clock.ts';
import { storeContract } from '../stores/contract.ts';
import { contractLimits } from '../stores/harness.ts';
import { openModelStore } from './model-store.ts';

// The contract and the model are two tellings of one thing; a store is tested with both, so they must agree.
storeContract(
  'model',
  async (_, limits) => {
    const clock = new TestClock();
    return { store: openModelStore({ ...contractLimits, ...limits }, clock), clock };
  },
  // It cannot tell at once.
  {
    durable: false,
    except: ['a mailbox is empty from the ack of its last message to the next push or the close'],
  },
);
