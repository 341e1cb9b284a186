import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { Recent } from '../../src/stores/disk/recent.ts';
import { ids, idsOf, contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

const BYTES_MAX = 64;

test('what is found is what was written there, and what was written last is found', () => {
  const write = fc.record({
    pieces: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
    /** Before it the log goes on in another segment, or somewhere else in this one. */
    jump: fc.constantFrom('none', 'none', 'segment', 'position'),
  });
  const look = fc.tuple(fc.nat(200), fc.nat(80));
  fc.assert(
    fc.property(fc.array(write, { maxLength: 12 }), fc.array(look), (writes, looks) => {
      const recent = new Recent(BYTES_MAX);
      const files = new Map<number, Buffer>();
      let [segment, end] = [1, 0];
      let last = Buffer.alloc(0);
      for (const { pieces, jump } of writes) {
        if (jump === 'segment') [segment, end] = [segment + 1, 0];
        if (jump === 'position') end += 10;
        last = Buffer.concat(pieces);
        recent.add(segment, end, pieces);
        const file = files.get(segment) ?? Buffer.alloc(1_000);
        files.set(segment, file);
        last.copy(file, end);
        end += last.length;
      }
      for (const [from, length] of looks) {
        for (const [number, file] of files) {
          const found = recent.find(number, from, from + length);
          if (found !== undefined) assert.deepEqual(found, file.subarray(from, from + length));
        }
      }
      if (last.length > 0 && last.length <= BYTES_MAX)
        assert.deepEqual(recent.find(segment, end - last.length, end), last);
    }),
  );
});

test('a message that was just pushed is given from memory, and later from the disk', async () => {
  const files = new MemoryFiles();
  const open = () => openDiskStore({ path: '', files, limits, segmentBytes: 2 ** 20 });
  const store = await open();
  await store.push(message(1));
  for (const [name, { bytes }] of files.contents) {
    const at = bytes.indexOf(message(1).payload);
    if (name.endsWith('.seg') && at !== -1) bytes[at] = 0;
  }
  assert.deepEqual(await idsOf(store), ids(1));
  await store.close();

  const reopened = await open();
  assert.deepEqual(await idsOf(reopened), []);
  await reopened.close();
});

test('what was given from memory stays as it is when more is written', async () => {
  const store = await openDiskStore({ path: '', files: new MemoryFiles(), limits, segmentBytes: 2 ** 20 });
  await store.push(message(0));
  const [given] = await pullAll(store);
  for (let number = 1; number <= 100; number++)
    await store.push({ ...message(number), payload: Buffer.alloc(5_000, number) });
  assert.deepEqual(given?.payload, message(0).payload);
  await store.close();
});
