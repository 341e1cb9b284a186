import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { copyStore } from '../../src/stores/disk/backup.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { type Repair, repairFiles } from '../../src/stores/disk/repair.ts';
import type { Store } from '../../src/stores/store.ts';
import { TestClock } from '../stores/clock.ts';
import { ids, idsOf, keyOf, contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

/** Two batches fit in. */
const small = 16_384;
const large = 65_536;
const clock = new TestClock();

test('a repair of a whole store changes nothing', async () => {
  const files = await closedStore((store) => pushAll(store, 0, 10));
  const untouched = files.copy();
  const { done, before, after } = await repair(files);
  assert.deepEqual([done, before], [[], after]);
  assert.deepEqual(files.contents, untouched.contents);
});

test('what a repair changes is kept aside, byte for byte', async () => {
  const files = await closedStore((store) => pushAll(store, 0, 10));
  damage(files, '0000000002.seg', 4096 + 60);
  const damaged = Buffer.from(files.bytesOf('0000000002.seg'));
  const { done } = await repair(files);
  assert.equal(done.length, 1);
  assert.match(done[0] ?? '', /^0000000002\.seg: .* kept as 0000000002\.seg\.bad/);
  assert.deepEqual(files.bytesOf('0000000002.seg.bad'), damaged);
});

test('a segment gets a lost head back, and nothing in it is lost', async () => {
  for (const name of ['0000000001.seg', '0000000003.seg', '0000000005.seg']) {
    const files = await closedStore((store) => pushAll(store, 0, 10));
    files.bytesOf(name).fill(0, 0, 4096);
    const { before, after } = await repair(files);
    assert.deepEqual([before.messages, after.messages, after.damage], [8, 10, []], name);
    await opened(files, async (store) => assert.deepEqual(await idsOf(store), numbered(0, 10)));
  }
});

test('a head that is lost brings back nothing of an earlier life of its file', async () => {
  const files = await closedStore(async (store) => {
    await pushAll(store, 0, 10);
    await store.ack('alice', [keyOf(message(0)), keyOf(message(1))]);
  });
  const last =
    [...files.contents.keys()]
      .filter((name) => name.endsWith('.seg'))
      .sort()
      .at(-1) ?? '';
  const stale = Buffer.from(files.bytesOf('0000000001.seg'));
  stale.fill(0, 0, 4096);
  files.contents.set(
    last.replace(/\d(?=\.seg)/, (digit) => String(Number(digit) + 1)),
    { bytes: stale },
  );
  const { done } = await repair(files);
  assert.match(done[0] ?? '', /nothing in it is known for sure/);
  await opened(files, async (store) => assert.deepEqual(await idsOf(store), numbered(2, 10)));
});

test('a missing segment costs what was in it; the rest keeps its order, and no seq is given out again', async () => {
  const files = await closedStore((store) => pushAll(store, 0, 10));
  const seqs = await opened(files.copy(), async (store) => (await pullAll(store)).map(({ seq }) => seq));
  files.contents.delete('0000000002.seg');
  files.contents.delete('0000000003.seg');
  const { after, done } = await repair(files);
  assert.equal(after.messages, 6);
  assert.match(done.join(), /0000000003\.seg: it is missing.* is lost/);
  await opened(files, async (store) => {
    assert.deepEqual(await idsOf(store), [...numbered(0, 2), ...numbered(6, 10)]);
    await store.push(message(99));
    assert.ok(((await pullAll(store)).at(-1)?.seq ?? 0) > Math.max(...seqs));
  });
});

test('an ack whose batch is damaged is forgotten: its message comes back, and no other one goes', async () => {
  const files = await closedStore(async (store) => {
    await Promise.all([store.push(message(0)), store.push(message(1))]);
    await store.ack('alice', [keyOf(message(0))]);
  }, large);
  const [ackBatch, recipientInAck] = [8192, 48 + 44];
  damage(files, '0000000001.seg', ackBatch + recipientInAck);
  const { done } = await repair(files);
  assert.match(done.join(), /4096 bytes it is not known .* acks are forgotten/);
  await opened(files, async (store) => assert.deepEqual(await idsOf(store), ids(0, 1)));
});

test('of a batch with a damaged frame all is saved, acks too; of one with a damaged record, all but that', async () => {
  const fill = async (store: Store): Promise<void> => {
    await store.push(message(0));
    const pushes = [1, 2, 3].map((number) => store.push(message(number)));
    await Promise.all([...pushes, store.ack('alice', [keyOf(message(0))])]);
  };
  const [batch, frameLength, firstRecord] = [8192, 8, 48];
  const inFrame = await closedStore(fill, large);
  damage(inFrame, '0000000001.seg', batch + frameLength);
  await repair(inFrame);
  await opened(inFrame, async (store) => assert.deepEqual(await idsOf(store), ids(1, 2, 3)));
  const inRecord = await closedStore(fill, large);
  damage(inRecord, '0000000001.seg', batch + firstRecord + 30);
  await repair(inRecord);
  await opened(inRecord, async (store) => assert.deepEqual(await idsOf(store), ids(0, 2, 3)));
});

test('a store of another format version is refused by name, and no repair changes it', async () => {
  const files = await closedStore((store) => pushAll(store, 0, 2), large);
  const head = files.bytesOf('0000000001.seg');
  head.writeUInt32LE(9, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 76)), 76);
  const before = files.copy();
  const advice =
    /^0000000001\.seg.*: it has format version 9, .*: use the version of enigma-relay that wrote it$/;
  await assert.rejects(repair(files), { code: 'storage_error', message: advice });
  assert.deepEqual(files.contents, before.contents);
  const opening = openDiskStore({ path: '', files, limits, clock });
  await assert.rejects(opening, { code: 'storage_error', message: advice });
  const copying = copyStore(files, new MemoryFiles(), limits);
  await assert.rejects(copying, { code: 'storage_error', message: advice });
});

test('where no segment is left a repair says so, and a start does not advise one', async () => {
  const files = await closedStore((store) => pushAll(store, 0, 2), large);
  files.contents.delete('0000000001.seg');
  const advice =
    /^0000000001\.seg.*: it is missing, and so are all others\. .*: nothing is left in it to be saved: bring .* or begin with an empty one$/;
  await assert.rejects(repair(files), { code: 'storage_error', message: advice });
  const opening = openDiskStore({ path: '', files, limits, clock });
  await assert.rejects(opening, { code: 'storage_error', message: advice });
});

function repair(files: MemoryFiles): Promise<Repair> {
  return repairFiles(files, limits, () => clock.wallMs());
}

/** The files of a store that was filled and closed. */
async function closedStore(
  fill: (store: Store) => Promise<void>,
  segmentBytes = small,
): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  await opened(files, fill, segmentBytes);
  return files;
}

async function opened<Result>(
  files: MemoryFiles,
  job: (store: Store) => Promise<Result>,
  segmentBytes = small,
): Promise<Result> {
  const store = await openDiskStore({ path: '', files, limits, clock, segmentBytes });
  try {
    return await job(store);
  } finally {
    await store.close();
  }
}

async function pushAll(store: Store, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++)
    await store.push({ ...message(number), payload: Buffer.alloc(3_800, number) });
}

function numbered(from: number, to: number): string[] {
  return ids(...Array.from({ length: to - from }, (_, index) => from + index));
}

function damage(files: MemoryFiles, name: string, at: number): void {
  const bytes = files.bytesOf(name);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
}
