import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File, Files } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { TestClock } from '../stores/clock.ts';
import { idsOf, keyOf, contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

const segmentBytes = 1 << 20;
const MESSAGES = 5_000;

/** Each with as many batches as pushes that come together make. */
for (const [payloadBytes, together, part] of [
  [1_024, 64, 0.25],
  [1_024, 1, 0.25],
  [4_096, 16, 0.15],
  [16_384, 4, 0.1],
] as const) {
  test(`a start on messages of ${payloadBytes} bytes, ${together} in a batch, reads their heads only`, async () => {
    const files = new MemoryFiles();
    const count = Math.floor((MESSAGES * 1_024) / payloadBytes);
    const store = await openDiskStore({ path: '', limits, files, segmentBytes });
    for (let first = 0; first < count; first += together) {
      const pushes = Array.from({ length: Math.min(together, count - first) }, (_, index) => {
        const number = first + index;
        const recipient = String(number % 10).padStart(64, '0');
        return store.push(message(number, { recipient, payload: Buffer.alloc(payloadBytes, number) }));
      });
      await Promise.all(pushes);
    }
    const { messages } = store.figures();
    await store.close();
    const counted = counting(files);
    const reopened = await openDiskStore({ path: '', limits, files: counted, segmentBytes });
    const fileBytes = [...files.contents]
      .filter(([name]) => name.endsWith('.seg'))
      .reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
    // The segment that is being written has no index.
    const readBytes = counted.readBytes - segmentBytes;
    assert.ok(readBytes < part * fileBytes, `${readBytes} of ${fileBytes}`);
    assert.deepEqual([messages, reopened.figures().messages], [count, count]);
    assert.equal((await pullAll(reopened, '3'.padStart(64, '0'))).length, Math.ceil((count - 3) / 10));
    await reopened.close();
  });
}

test('messages that are longer than a segment are not read at a start', async () => {
  const files = new MemoryFiles();
  const options = { path: '', limits: { ...limits, bytesPerMailboxMax: 2 ** 30 }, segmentBytes: 65_536 };
  const store = await openDiskStore({ ...options, files });
  for (let number = 0; number < 20; number++)
    await store.push(message(number, { payload: Buffer.alloc(500_000, number) }));
  await store.close();
  const counted = counting(files);
  const reopened = await openDiskStore({ ...options, files: counted });
  assert.equal(reopened.figures().messages, 20);
  // But for the last one, of which nothing says how it ends.
  assert.ok(counted.readBytes < 2 * 500_000, String(counted.readBytes));
  await reopened.close();
});

test('a last batch that the disk does not give whole is not written over', async () => {
  const files = new MemoryFiles();
  const store = await openDiskStore({ path: '', limits, files, segmentBytes });
  await store.push(message(1));
  const crashed = files.copy();
  await store.close();
  const [name = ''] = [...crashed.contents.keys()].filter((each) => each.endsWith('.seg'));
  const before = Buffer.from(crashed.bytesOf(name));
  const short: Files = {
    ...crashed.wrapped((file) => file),
    async open(opened, access) {
      const file = await crashed.open(opened);
      const read: File['read'] = (into, at) => file.read(into.subarray(0, 100), at);
      return access === 'write' ? { ...file, read } : file;
    },
  };
  await assert.rejects(openDiskStore({ path: '', limits, files: short, segmentBytes }), /100 of 4096 bytes/);
  assert.deepEqual(crashed.bytesOf(name), before);
});

test('an index costs a sixth of a segment at most, also where large messages stand among many small ones', async () => {
  const files = new MemoryFiles();
  const unlimited = { messagesPerMailboxMax: 1e9, bytesPerMailboxMax: 1e9, messagesMax: 1e9 };
  const options = { path: '', limits: { ...limits, ...unlimited }, files, segmentBytes: 262_144 };
  const store = await openDiskStore(options);
  const recipient = 'r'.repeat(64);
  const [rounds, largeBytes, small] = [60, 90_000, 207];
  let number = 0;
  const push = (bytes: number) => store.push(message(number++, { recipient, payload: Buffer.alloc(bytes) }));
  for (let round = 0; round < rounds; round++) {
    await push(largeBytes);
    await Promise.all(Array.from({ length: small }, () => push(0)));
  }
  const headBytes = 148;
  const least = (rounds * (largeBytes + (1 + small) * headBytes)) / options.segmentBytes;
  const { segments = 0 } = store.figures().disk ?? {};
  assert.ok(segments < 1.3 * least + 1, `${segments} segments, ${least} at least`);
  await store.close();
});

test('a mailbox that has come, gone and come again is not taken for the one that has its place', async () => {
  const files = new MemoryFiles();
  const options = { path: '', limits: { ...limits, dedupWindowMs: 0 }, files };
  const store = await openDiskStore(options);
  // Behind so many that recipients are told apart by their numbers.
  const others = Array.from({ length: 9_000 }, (_, number) =>
    message(number, { recipient: `${number % 10}` }),
  );
  await Promise.all(others.map((other) => store.push(other)));
  const [one, same] = [message(1, { recipient: 'alice' }), message(1, { recipient: 'bob' })];
  await store.push(one);
  await store.ack('alice', [keyOf(one)]);
  await store.push(same);
  await store.push(one);
  await store.close();
  const reopened = await openDiskStore(options);
  for (const recipient of ['alice', 'bob'])
    assert.deepEqual(await idsOf(reopened, recipient), [one.messageId], recipient);
  await reopened.close();
});

function counting(files: MemoryFiles): Files & { readonly readBytes: number } {
  let readBytes = 0;
  const counted = (file: File): File => ({
    ...file,
    async read(into, position) {
      const read = await file.read(into, position);
      readBytes += read;
      return read;
    },
  });
  return {
    ...files.wrapped(counted),
    get readBytes() {
      return readBytes;
    },
  };
}

test('on a full disk, restarts that change nothing write nothing, but for the time at which something went', async () => {
  const files = new MemoryFiles();
  const clock = new TestClock();
  const options = { path: '', limits, files, clock, segmentBytes };
  const filled = await openDiskStore(options);
  await filled.push(message(1));
  await filled.close();
  const [spare = ''] = [...files.contents.keys()].filter((name) => name.startsWith('spare-'));
  await files.unlink(spare);
  files.create = () => Promise.reject(new Error('ENOSPC'));
  const restart = async (): Promise<number> => {
    const store = await openDiskStore(options);
    while (store.figures().disk?.full !== true) await new Promise(setImmediate);
    const messages = await pullAll(store);
    await store.close();
    return messages.length;
  };
  const before = files.copy();
  assert.deepEqual([await restart(), await restart()], [1, 1]);
  assert.deepEqual(files.contents, before.contents);
  clock.advance(Number(limits.messageTtlMs));
  assert.equal(await restart(), 0);
  clock.setWall(clock.wallMs() - 1_000);
  assert.equal(await restart(), 0);
});

test('a clock that is centuries ahead at one start uses up no numbers', async () => {
  const files = new MemoryFiles();
  const clock = new TestClock();
  const options = { path: '', limits: { ...limits, messageTtlMs: 2n ** 62n }, files, clock, segmentBytes };
  const nowMs = clock.wallMs();
  for (const ms of [Date.UTC(2400, 0, 1), nowMs]) {
    clock.setWall(ms);
    const store = await openDiskStore(options);
    for (const number of [1, 2, 3]) await store.push(message(number, { recipient: String(ms) }));
    assert.equal(new Set((await pullAll(store, String(ms))).map(({ seq }) => seq)).size, 3);
    await store.close();
  }
});
