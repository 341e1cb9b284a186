import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { Store, StoreLimits } from '../../src/stores/store.ts';
import { SimulatedDisk } from '../simulation/disk.ts';
import { seededRandom } from '../simulation/random.ts';
import { TestClock } from './clock.ts';
import { storeContract } from './contract.ts';
import { contractLimits, type Harness } from './harness.ts';
import { RestartingStore } from './restarting.ts';

const segmentBytes = 65_536;

storeContract(
  'disk store',
  async (t, limits) => {
    const clock = new TestClock();
    const path = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
    const open = (more: Partial<StoreLimits>) =>
      openDiskStore({ path, clock, limits: { ...contractLimits, ...limits, ...more }, segmentBytes });
    const store = await RestartingStore.open(open);
    t.after(async () => {
      await store.close();
      await rm(path, { recursive: true });
    });
    return { store, clock, reopen: (more) => store.restart(more) };
  },
  { durable: true },
);

storeContract(
  'disk store, after a power cut before every call',
  async (t, limits) => {
    const clock = new TestClock();
    let disk: SimulatedDisk | undefined;
    const open = (more: Partial<StoreLimits>): Promise<Store> => {
      disk = disk?.powerCut() ?? new SimulatedDisk(seededRandom(1));
      const { operations } = disk;
      operations.onCall = () => setImmediate(() => operations.completeOne());
      return openDiskStore({
        path: '',
        files: disk.files,
        clock,
        limits: { ...contractLimits, ...limits, ...more },
        segmentBytes,
      });
    };
    const store = await RestartingStore.open(open, { beforeEveryCall: true });
    t.after(() => store.close());
    const harness: Harness = { store, clock, reopen: (more) => store.restart(more) };
    return harness;
  },
  {
    durable: true,
    except: [
      // A crash may bring back a memory that was forgotten early: harmless, and not worth a record.
      'at the bound over all mailboxes the oldest memories are forgotten first',
      // What was swept from memory is met again in the log, and swept again.
      'a sweep removes what is due and says how much',
      // Time goes on by the monotonic clock, of which nothing is left after a crash; it never runs back.
      'a clock that is set back brings nothing back, and time goes on',
      'time does not run back over a restart with the clock set back',
      // What is read in pieces is read by the store that has crashed meanwhile.
      'a message that goes while it is read in pieces is not read to its end',
      // Nothing has begun while the store is still being opened.
      'a close waits for what is in flight, and nothing is taken after it',
      'what was in flight at the close is there afterwards',
    ],
  },
);
