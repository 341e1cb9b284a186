import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RelayError } from '../../src/errors.ts';
import type { NewMessage } from '../../src/message.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { Store } from '../../src/stores/store.ts';
import { SimulatedDisk } from '../simulation/disk.ts';
import { SEGMENT_BYTES } from '../simulation/plan.ts';
import { seededRandom } from '../simulation/random.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits, keyOf, message } from '../stores/harness.ts';

/** A store on a disk of ten segments, on which no segment is given up before `mayGo` has resolved. */
async function openSmall(t: TestContext, mayGo: () => Promise<void> = async () => {}) {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.capacity = 10 * (SEGMENT_BYTES / 4_096);
  disk.operations.onCall = () => setImmediate(() => disk.operations.completeOne());
  const store = await openDiskStore({
    path: '',
    files: {
      ...disk.files,
      rename: async (from, to) => {
        if (from.endsWith('.seg')) await mayGo();
        return disk.files.rename(from, to);
      },
    },
    clock: new TestClock(),
    limits: contractLimits,
    segmentBytes: SEGMENT_BYTES,
  });
  t.after(() => store.close());
  return { disk, store };
}

test('the figures tell that the disk is full, and that it fails', async (t) => {
  const { disk, store } = await openSmall(t);
  const told = () => [store.figures().disk?.full, store.figures().disk?.broken];
  assert.deepEqual(told(), [0, 0]);
  const taken = await fill(store, 0);
  assert.deepEqual(told(), [1, 0]);
  disk.operations.faultOf = (_, kind) => (kind === 'flush' ? 'EIO' : undefined);
  await assert.rejects(store.ack('alice', taken.slice(0, 1).map(keyOf)), RelayError);
  assert.deepEqual(told(), [1, 1]);
  disk.operations.faultOf = () => undefined;
});

test('acks go on on a full disk, however often pushes fill what they have won', async (t) => {
  const { store } = await openSmall(t);
  const kept: NewMessage[] = [];
  for (let round = 0; round < 200; round++) {
    kept.push(...(await fill(store, kept.length + round * 1_000)));
    const acked = kept.splice(Math.floor(kept.length / 2), 1).map(keyOf);
    assert.equal((await store.ack('alice', acked)).deleted, 1);
  }
});

test('acks wait for a segment that is about to give its room back', async (t) => {
  const held: (() => void)[] = [];
  const { store } = await openSmall(t, () => new Promise((resolve) => held.push(resolve)));
  const letGo = setInterval(() => {
    for (const go of held.splice(0)) go();
  }, 20);
  t.after(() => clearInterval(letGo));
  for (const pushed of await fill(store, 0))
    assert.equal((await store.ack('alice', [keyOf(pushed)])).deleted, 1);
});

/** Pushes until the disk takes no more; resolves with what it has taken. */
async function fill(store: Store, first: number): Promise<NewMessage[]> {
  const taken: NewMessage[] = [];
  for (let number = first; ; number++) {
    const pushed = message(number, { payload: Buffer.alloc(1_000 + (number % 7) * 1_500) });
    try {
      await store.push(pushed);
    } catch (error) {
      assert.ok(error instanceof RelayError && error.code === 'storage_error');
      return taken;
    }
    taken.push(pushed);
  }
}
