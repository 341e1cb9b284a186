import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RelayError } from '../../src/errors.ts';
import type { MessageKey, NewMessage } from '../../src/message.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { Store } from '../../src/stores/store.ts';
import { SimulatedDisk } from '../simulation/disk.ts';
import { SEGMENT_BYTES } from '../simulation/plan.ts';
import { seededRandom } from '../simulation/random.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits, keyOf, message } from '../stores/harness.ts';

/**
 * A store on a disk of ten segments, if not told otherwise, on which none is renamed before `mayRename` has resolved, and none
 * removed before `mayRemove`.
 */
async function openSmall(
  t: TestContext,
  {
    segments = 10,
    segmentBytes = SEGMENT_BYTES,
    mayRename = async (): Promise<void> => {},
    mayRemove = async (): Promise<void> => {},
  } = {},
) {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.capacity = segments * (segmentBytes / 4_096);
  disk.operations.onCall = () => setImmediate(() => disk.operations.completeOne());
  const store = await openDiskStore({
    path: '',
    files: {
      ...disk.files,
      rename: async (from, to) => {
        if (from.endsWith('.seg')) await mayRename();
        return disk.files.rename(from, to);
      },
      unlink: async (name) => {
        if (name.endsWith('.seg')) await mayRemove();
        return disk.files.unlink(name);
      },
    },
    clock: new TestClock(),
    limits: { ...contractLimits, bytesPerMailboxMax: 2 ** 30 },
    segmentBytes,
  });
  t.after(() => store.close());
  return { disk, store };
}

test('the figures tell that the disk is full, and that it fails', async (t) => {
  const { disk, store } = await openSmall(t);
  const told = () => [store.figures().disk?.full, store.figures().disk?.broken];
  assert.deepEqual(told(), [false, false]);
  const taken = await fill(store, 0);
  assert.deepEqual(told(), [true, false]);
  disk.operations.faultOf = (_, kind) => (kind === 'flush' ? 'EIO' : undefined);
  await assert.rejects(store.ack('alice', taken.slice(0, 1).map(keyOf)), RelayError);
  assert.deepEqual(told(), [true, true]);
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

for (const [kind, missing] of [
  ['acks', 0],
  // The records of all that they name would not fit into a segment.
  ['acks of much that is missing', 1_400],
] as const) {
  test(`${kind} wait for a segment that is about to give its room back`, async (t) => {
    const held: (() => void)[] = [];
    const { store } = await openSmall(t, { mayRename: () => new Promise((resolve) => held.push(resolve)) });
    const letGo = setInterval(() => {
      for (const go of held.splice(0)) go();
    }, 20);
    t.after(() => clearInterval(letGo));
    const unknown = Array.from({ length: missing }, (_, index) => keyOf(message(1_000_000 + index)));
    await ackEach(store, await fill(store, 0), unknown);
  });
}

test('acks go on on a full disk, also where segments cannot be renamed at first', async (t) => {
  let failures = 4;
  const { store } = await openSmall(t, {
    mayRename: async () => {
      if (failures-- > 0) throw new Error('ENOSPC');
    },
  });
  await ackEach(store, await fill(store, 0));
});

test('where segments that no longer count can be neither renamed nor removed, an ack is refused in the end', async (t) => {
  const fails = async () => {
    throw new Error('EIO');
  };
  const { store } = await openSmall(t, { segments: 7, mayRename: fails, mayRemove: fails });
  const taken = await fill(store, 0, () => 3_000);
  await assert.rejects(ackEach(store, taken), { code: 'storage_error' });
});

test('a close refuses the ack that waits for room', async (t) => {
  const held: (() => void)[] = [];
  let isHeld = true;
  const { store } = await openSmall(t, {
    mayRename: () => (isHeld ? new Promise((resolve) => held.push(resolve)) : Promise.resolve()),
  });
  const taken = await fill(store, 0);
  const refused = assert.rejects(ackEach(store, taken), { code: 'storage_error' });
  // Until no more batch is written, as all wait for the segments that are held.
  for (let [turns, batches] = [0, -1]; turns < 100 || held.length === 0; turns++, await nextTurn()) {
    if (store.figures().disk?.batches !== batches) turns = 0;
    batches = store.figures().disk?.batches ?? 0;
  }
  const closing = store.close();
  isHeld = false;
  for (const go of held) go();
  await closing;
  await refused;
});

test('pushes that are refused in every turn do not keep the cleaner from making room for them', async (t) => {
  const { store } = await openSmall(t, { segments: 30 });
  const taken = await fill(store, 0);
  await store.ack('alice', taken.filter((_, index) => index % 2 === 0).map(keyOf));
  let [stored, refused, number] = [0, 0, 100_000];
  const pushing = Array.from({ length: 4 }, async () => {
    while (stored < 20 && refused < 20_000) {
      await store.push(message(number++, { payload: Buffer.alloc(16_384) })).then(
        () => stored++,
        () => refused++,
      );
      await nextTurn();
    }
  });
  await Promise.all(pushing);
  assert.ok(stored >= 20, `${stored} were taken`);
});

test('acks go on on a full disk, however much of what is older still lives', async (t) => {
  const { store } = await openSmall(t, { segments: 50, segmentBytes: 262_144 });
  // Together they just fit into a segment, as one batch.
  const taken = await fill(store, 0, () => 16_384, 15);
  await ackEach(store, taken.reverse());
});

/** Pushes, so many together, until the disk takes no more; resolves with what it has taken. */
async function fill(
  store: Store,
  first: number,
  payloadBytes = (number: number) => 1_000 + (number % 7) * 1_500,
  together = 1,
): Promise<NewMessage[]> {
  const taken: NewMessage[] = [];
  for (let [number, isFull] = [first, false]; !isFull; ) {
    const pushes = Array.from({ length: together }, async () => {
      const pushed = message(number++, { payload: Buffer.alloc(payloadBytes(number)) });
      await store.push(pushed);
      taken.push(pushed);
    });
    for (const pushed of await Promise.allSettled(pushes)) {
      if (pushed.status === 'fulfilled') continue;
      assert.ok(pushed.reason instanceof RelayError && pushed.reason.code === 'storage_error');
      isFull = true;
    }
  }
  return taken;
}

/** Acks one message after the other, and with each what is `missing`; rejects with the first refusal. */
async function ackEach(
  store: Store,
  taken: readonly NewMessage[],
  missing: readonly MessageKey[] = [],
): Promise<void> {
  for (const pushed of taken)
    assert.equal((await store.ack('alice', [keyOf(pushed), ...missing])).deleted, 1);
}
