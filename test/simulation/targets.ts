import { resolveConfig } from '../../src/config.ts';
import { RelayError } from '../../src/errors.ts';
import { startRelay } from '../../src/relay.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { openMemoryStore } from '../../src/stores/memory.ts';
import { methodsOf } from '../fixtures.ts';
import type { Harness } from '../stores/harness.ts';
import { RestartingStore } from '../stores/restarting.ts';
import { SimulatedClock } from './clock.ts';
import { SimulatedDisk } from './disk.ts';
import { type History, historyArbitrary } from './history.ts';
import { HttpStore } from './http-store.ts';
import { SEGMENT_BYTES } from './plan.ts';
import { playOnStore } from './player.ts';
import { seededRandom } from './random.ts';

/** Something that histories are played on. */
export interface Target {
  /** What must be true of it. */
  readonly name: string;
  readonly histories: ReturnType<typeof historyArbitrary>;
  /** Rejects where it does what the model cannot. */
  readonly play: (history: History) => Promise<void>;
}

const onMemory = historyArbitrary({ messagesMax: [5, 1_000] });
// Without a bound over all mailboxes: what was forgotten early to stay within it, a restart brings back.
const onDisk = historyArbitrary({ messagesMax: [1_000] });

export const targets: readonly Target[] = [
  {
    name: 'histories on the memory store are histories of the model',
    histories: onMemory,
    play: (history) => play(history, openMemory),
  },
  {
    name: 'histories on the disk store, with restarts, are histories of the model',
    histories: onDisk,
    play: (history) => play(history, openDisk),
  },
  {
    name: 'histories over the wire on the memory store are histories of the model',
    histories: onMemory,
    play: (history) => play(history, openMemory, overTheWire),
  },
  {
    name: 'histories over the wire on the disk store, with restarts, are histories of the model',
    histories: onDisk,
    play: (history) => play(history, openDisk, overTheWire),
  },
];

type Opened = Harness & { readonly end: () => Promise<void> };

async function play(
  history: History,
  open: (history: History) => Promise<Opened>,
  reach: (harness: Opened, history: History) => Promise<Opened> = async (harness) => harness,
): Promise<void> {
  const harness = await reach(await open(history), history);
  try {
    await playOnStore(history, harness);
  } finally {
    await harness.end();
  }
}

async function openMemory({ limits }: History): Promise<Opened> {
  const clock = new SimulatedClock();
  const store = openMemoryStore(limits, clock);
  let faults = 0;
  const orRefuse = <Result>(operation: () => Promise<Result>): Promise<Result> =>
    faults-- > 0 ? Promise.reject(new RelayError('storage_error')) : operation();
  return {
    clock,
    direct: store,
    store: {
      ...methodsOf(store),
      push: (message) => orRefuse(() => store.push(message)),
      ack: (recipient, keys) => orRefuse(() => store.ack(recipient, keys)),
    },
    fault: (writes) => {
      faults = writes;
    },
    end: () => store.close(),
  };
}

async function openDisk({ limits }: History): Promise<Opened> {
  const clock = new SimulatedClock();
  const { files, operations } = new SimulatedDisk(seededRandom(1));
  operations.onCall = () => setImmediate(() => operations.completeOne());
  const store = await RestartingStore.open(() =>
    openDiskStore({ path: '', files, clock, limits, segmentBytes: SEGMENT_BYTES }),
  );
  return {
    clock,
    store,
    reopen: () => store.restart(),
    fault: (writes) => {
      let left = writes;
      operations.faultOf = (_, kind) => (kind === 'write' && left-- > 0 ? 'ENOSPC' : undefined);
    },
    end: () => store.close(),
  };
}

/** A relay on the store, which clients reach by HTTP; a restart ends both. */
async function overTheWire(harness: Opened, { pageBytesMax }: History): Promise<Opened> {
  const { store: direct, reopen } = harness;
  const config = resolveConfig({
    relay: { pullPageBytesMax: pageBytesMax },
    rateLimit: { enabled: false },
  });
  let relay = await startRelay(config, { store: direct });
  let http = new HttpStore(relay.baseUrl);
  const restart = async (): Promise<void> => {
    await relay.stop();
    await reopen?.();
    relay = await startRelay(config, { store: direct });
    http = new HttpStore(relay.baseUrl);
  };
  return {
    ...harness,
    direct: harness.direct ?? direct,
    store: {
      ...methodsOf(direct),
      push: (message) => http.push(message),
      pull: (recipient, afterSeq, limit) => http.pull(recipient, afterSeq, limit),
      ack: (recipient, keys) => http.ack(recipient, keys),
    },
    reopen: restart,
    end: async () => {
      await relay.stop();
      await harness.end();
    },
  };
}
