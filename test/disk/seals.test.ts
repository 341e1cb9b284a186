import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGate } from '../../src/gate.ts';
import { silentLog } from '../../src/log.ts';
import type { File } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { Recent } from '../../src/stores/disk/recent.ts';
import { Seals } from '../../src/stores/disk/seals.ts';
import { segmentName } from '../../src/stores/disk/segment.ts';
import { Segments } from '../../src/stores/disk/segments.ts';
import { Spares } from '../../src/stores/disk/spares.ts';
import { beginSegment } from '../../src/stores/disk/tail.ts';
import type { Store } from '../../src/stores/store.ts';
import { idsOf, keyOf, contractLimits as limits, message } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

const segmentBytes = 65_536;

test('a segment stays in place until its seal is written, even if it counts no more', async () => {
  const files = new MemoryFiles();
  const seal = heldSeal(files);
  const store = await openDiskStore({ path: '', limits, files: seal.files, segmentBytes });
  await churn(store, 200);
  assert.ok(files.contents.has(segmentName(1)));
  seal.write();
  await churn(store, 20);
  assert.ok(!files.contents.has(segmentName(1)));
  await store.close();
});

test('a close waits until every seal is written', async () => {
  const files = new MemoryFiles();
  const seal = heldSeal(files);
  const store = await openDiskStore({ path: '', limits, files: seal.files, segmentBytes });
  await churn(store, 40);
  let isClosed = false;
  const closing = store.close().then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  assert.equal(isClosed, false);
  seal.write();
  await closing;
});

test('a segment whose seal cannot be written counts as it did', async () => {
  const files = new MemoryFiles();
  const seal = heldSeal(files);
  const options = { path: '', limits, files: seal.files, segmentBytes };
  let store = await openDiskStore(options);
  const kept = message(1_000);
  await store.push(kept);
  seal.fail();
  await churn(store, 40);
  await store.close();
  store = await openDiskStore(options);
  assert.deepEqual(await idsOf(store), [kept.messageId]);
  await store.close();
});

test('a segment whose seal cannot be written becomes no spare', async () => {
  const files = new MemoryFiles();
  const seal = heldSeal(files);
  const gate = createGate(2);
  const spares = new Spares(files, gate, segmentBytes);
  const segments = new Segments(files, spares, gate, segmentBytes, silentLog);
  const head = {
    number: 1,
    bytes: segmentBytes,
    salt: Buffer.alloc(16),
    nextSeq: 1,
    oldest: 1,
    flushed: { segment: 0, position: 0 },
    timeMs: 0,
  };
  const prepared = await spares.create(segmentBytes);
  const tail = await beginSegment(
    seal.files,
    { name: prepared, file: await seal.files.open(prepared, 'write') },
    head,
    new Recent(segmentBytes),
    true,
  );
  segments.add(1, segmentBytes);
  const seals = new Seals(segments, silentLog);
  seals.leave(tail, false);
  seal.fail();
  await seals.settled();
  segments.drop(1);
  await segments.close();
  assert.deepEqual([spares.count, await files.list()], [0, []]);
});

/** Pushes so many messages, which fill a segment four by four, and acks each of them. */
async function churn(store: Store, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const pushed = message(number, { payload: Buffer.alloc(12_000) });
    await store.push(pushed);
    await store.ack('alice', [keyOf(pushed)]);
  }
}

/** Files in which the seal of the first segment waits until it is let go. */
function heldSeal(files: MemoryFiles) {
  let write = (): void => {};
  let fail = (_: Error): void => {};
  const held = new Promise<void>((resolve, reject) => {
    write = resolve;
    fail = reject;
  });
  held.catch(() => {});
  let isFirst = true;
  const watched = (file: File): File => ({
    ...file,
    async write(pieces, position) {
      const end = pieces.reduce((sum, piece) => sum + piece.length, position);
      const isHeld = isFirst && end === segmentBytes && position > 0;
      if (isHeld) isFirst = false;
      if (isHeld) await held;
      return file.write(pieces, position);
    },
  });
  return { files: files.wrapped(watched), write, fail: () => fail(new Error('EIO')) };
}
