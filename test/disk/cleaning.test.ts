import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { SimulatedDisk } from '../simulation/disk.ts';
import { SEGMENT_BYTES } from '../simulation/plan.ts';
import { seededRandom } from '../simulation/random.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits, idsOf, keyOf, message } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';
import { pass } from './stores.ts';

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
  for (let number = 2; acking === undefined; number++)
    await pass(store, number).catch((error) => {
      // It was in the same batch.
      if (acking === undefined) throw error;
    });
  await acking;

  disk.operations.faultOf = () => undefined;
  while (store.figures().disk?.broken !== false) await new Promise(setImmediate);
  for (let number = 1_000; number < 1_100; number++) await pass(store, number);
  assert.deepEqual(await idsOf(store), [lasting.messageId]);
});

test('where as many segments are given up as are begun, none is filled anew', async (t) => {
  const files = new MemoryFiles();
  const { create } = files;
  let created = 0;
  files.create = (name) => {
    created++;
    return create(name);
  };
  const limits = { ...contractLimits, dedupWindowMs: 0 };
  const store = await openDiskStore({
    path: '',
    files,
    clock: new TestClock(),
    segmentBytes: SEGMENT_BYTES,
    limits,
  });
  t.after(() => store.close());
  for (let number = 0; number < 200; number++) await pass(store, number);
  const createdBefore = created;
  for (let number = 200; number < 600; number++) await pass(store, number);
  assert.equal(created, createdBefore);
});
