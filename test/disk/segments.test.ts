import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from '../../src/gate.ts';
import { silentLog } from '../../src/log.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { segmentName } from '../../src/stores/disk/segment.ts';
import { Segments } from '../../src/stores/disk/segments.ts';
import { Spares } from '../../src/stores/disk/spares.ts';
import { contractLimits as limits, message } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';
import { payloadOf, SEGMENT_BYTES } from './stores.ts';

test('a segment that was lent goes once it is given back, even if its file was not open by then', async () => {
  const { files, segments } = oneSegment();
  const lent = segments.lend(1);
  const disposed = disposal(segments);
  segments.drop(1);
  await new Promise(setImmediate);
  assert.equal(segments.count, 1);
  const byte = Buffer.alloc(1);
  lent.release();
  assert.equal(await (await lent.file).read(byte, 0), 1);
  await disposed;
  assert.deepEqual(await files.list(), []);
});

test('a segment that could not be removed is removed later', async () => {
  const { files, segments } = oneSegment();
  const { unlink } = files;
  files.unlink = async () => {
    throw new Error('ENOSPC');
  };
  const disposed = disposal(segments);
  segments.drop(1);
  await disposed;
  await segments.removeLeft();
  assert.deepEqual(await files.list(), [segmentName(1)]);
  files.unlink = unlink;
  await segments.removeLeft();
  assert.deepEqual(await files.list(), []);
});

test('a spare whose name cannot be flushed is not left behind', async () => {
  const files = new MemoryFiles();
  files.flushDirectory = async () => {
    throw new Error('EIO');
  };
  await assert.rejects(new Spares(files, createGate(2), 4096).create(4096), { message: 'EIO' });
  assert.deepEqual(await files.list(), []);
});

test('a spare is filled in short steps once the segment before it has more room left', async () => {
  const files = new MemoryFiles();
  const { create } = files;
  const steps: number[] = [];
  files.create = async (name) => {
    const file = await create(name);
    const { write } = file;
    file.write = (pieces, position) => {
      steps.push(pieces.reduce((sum, { length }) => sum + length, 0));
      return write.call(file, pieces, position);
    };
    return file;
  };
  const MIB = 2 ** 20;
  const spares = new Spares(files, createGate(2), 4 * MIB);
  spares.bytesAhead = () => 2 * MIB;
  await spares.add();
  assert.deepEqual(steps, [MIB, MIB, ...Array(8).fill(MIB / 4)]);
});

test('a prepared segment that cannot be opened is kept, and serves once it can be', async () => {
  const files = new MemoryFiles();
  const store = await openDiskStore({ path: '', limits, files, segmentBytes: SEGMENT_BYTES });
  const spares = async () => (await files.list()).filter((name) => name.startsWith('spare-')).length;
  while ((await spares()) < 4) await new Promise(setImmediate);
  const { open } = files;
  files.open = async (name) => {
    if (name.startsWith('spare-')) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
    return open(name);
  };
  const fill = async (): Promise<void> => {
    for (let number = 0; number < 30; number++)
      await store.push(message(number, { payload: payloadOf(number) }));
  };
  await assert.rejects(fill(), { code: 'storage_error' });
  assert.equal(await spares(), 4);
  files.open = open;
  while (store.figures().disk?.broken !== false) await new Promise(setImmediate);
  await fill();
  await store.close();
});

/** A directory with nothing but segment 1, of one byte. */
function oneSegment() {
  const files = new MemoryFiles([[segmentName(1), Buffer.from('a')]]);
  const gate = createGate(2);
  const segments = new Segments(files, new Spares(files, gate, 4096), gate, 4096, silentLog);
  segments.add(1, 1);
  return { files, segments };
}

/** Resolves when the next segment is disposed of. */
function disposal(segments: Segments): Promise<void> {
  return new Promise((resolve) => {
    segments.onDisposed = resolve;
  });
}
