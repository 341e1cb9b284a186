import { test } from 'node:test';
import fc from 'fast-check';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { openMemoryStore } from '../../src/stores/memory.ts';
import { TestClock } from '../stores/clock.ts';
import { RestartingStore } from '../stores/restarting.ts';
import { SimulatedDisk } from './disk.ts';
import { historyArbitrary, playOnStore } from './histories.ts';
import { SEGMENT_BYTES } from './plan.ts';
import { seededRandom } from './random.ts';

const runs = { numRuns: Number(process.env.HISTORIES ?? 100) };

test('histories on the memory store are histories of the model', () =>
  fc.assert(
    fc.asyncProperty(historyArbitrary({ messagesMax: [5, 1_000] }), async (history) => {
      const clock = new TestClock();
      await playOnStore(history, { store: openMemoryStore(history.limits, clock), clock });
    }),
    runs,
  ));

// Without a bound over all mailboxes: what was forgotten early to stay within it, a restart brings back.
test('histories on the disk store, with restarts, are histories of the model', () =>
  fc.assert(
    fc.asyncProperty(historyArbitrary({ messagesMax: [1_000] }), async (history) => {
      const { limits } = history;
      const clock = new TestClock();
      const disk = new SimulatedDisk(seededRandom(1));
      const { files, operations } = disk;
      operations.onCall = () => setImmediate(() => operations.completeOne());
      const store = await RestartingStore.open(() =>
        openDiskStore({ path: '', files, clock, limits, segmentBytes: SEGMENT_BYTES }),
      );
      await playOnStore(history, { store, clock, reopen: () => store.restart() });
      await store.close();
    }),
    runs,
  ));
