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

/** A store on a disk of ten segments. */
async function openSmall(t: TestContext) {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.capacity = 10 * (SEGMENT_BYTES / 4_096);
  disk.operations.onCall = () => setImmediate(() => disk.operations.completeOne());
  const store = await openDiskStore({
    path: '',
    files: disk.files,
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
