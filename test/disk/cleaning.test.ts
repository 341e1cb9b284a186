import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { SimulatedDisk } from '../simulation/disk.ts';
import { SEGMENT_BYTES } from '../simulation/plan.ts';
import { seededRandom } from '../simulation/random.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits, idsOf, keyOf, message } from '../stores/harness.ts';

test('a message whose ack fails while the cleaner has it in hand is not lost', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.operations.onCall = () => setImmediate(() => disk.operations.completeOne());
  const limits = { ...contractLimits, dedupWindowMs: 0 };
  const common = { path: '', files: disk.files, clock: new TestClock(), segmentBytes: SEGMENT_BYTES };
  const store = await openDiskStore({ ...common, limits });
  t.after(() => store.close());
  const lasting = message(1, { payload: Buffer.alloc(3_000) });
  await store.push(lasting);

  let acking: Promise<unknown> | undefined;
  disk.operations.faultOf = (_, kind) => {
    // Nobody else reads here. What comes now is decided in the batch to which the cleaner would add the message.
    if (kind === 'read') acking ??= assert.rejects(store.ack('alice', [keyOf(lasting)]));
    return acking !== undefined && kind === 'write' ? 'EIO' : undefined;
  };
  const passing = async (number: number): Promise<void> => {
    const pushed = message(number, { recipient: 'bob', payload: Buffer.alloc(3_000) });
    await store.push(pushed);
    await store.ack('bob', [keyOf(pushed)]);
  };
  for (let number = 2; acking === undefined; number++) await passing(number);
  await acking;

  disk.operations.faultOf = () => undefined;
  while (store.figures().disk?.broken !== false) await new Promise(setImmediate);
  for (let number = 1_000; number < 1_100; number++) await passing(number);
  assert.deepEqual(await idsOf(store), [lasting.messageId]);
});
