import assert from 'node:assert/strict';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../src/log.ts';
import { backupStore, copyStore } from '../../src/stores/disk/backup.ts';
import { type File, filesOf, openDirectory } from '../../src/stores/disk/files.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { ids, idsOf, keyOf, contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import {
  churn,
  directory,
  filledStore,
  lastSegment,
  opened,
  payloadOf,
  refuses,
  SEGMENT_BYTES,
} from './stores.ts';

const segmentBytes = 4 * SEGMENT_BYTES;
const others = ['bob', 'carol', 'dave', 'eve'];

test('a backup of a store that is pushed to, acked and cleaned holds all that was answered before, and opens', async (t) => {
  const path = await directory(t);
  const store = await opened(t, path, silentLog, segmentBytes);
  for (const number of [0, 1, 2, 3]) await store.push({ ...message(number), payload: payloadOf(number) });
  await store.ack('alice', [keyOf(message(0))]);
  const churning = churn(store, others);
  for (let number = 4; (await lastSegment(path)) < 15; number++) {
    await store.push({ ...message(number), payload: payloadOf(number) });
    await store.ack('alice', [keyOf(message(number - 3))]);
    const target = join(await directory(t), 'copy');
    const found = await backupStore(path, target, limits);
    assert.deepEqual([found.damage, found.lost], [[], 0]);

    const copy = await openDiskStore({ path: target, limits, segmentBytes });
    assert.deepEqual(await idsOf(copy), ids(number - 2, number - 1, number));
    for (const { messageId, payload } of await pullAll(copy))
      assert.ok(payloadOf(Number.parseInt(messageId.slice(-12), 16)).equals(payload));
    assert.equal((await copy.push(message(number - 3))).stored, false);
    for (const each of others)
      assert.ok((await pullAll(copy, each)).length <= 1, 'each ack follows its push');
    await copy.close();
  }
  await churning.end();
});

test('a store that is opened on a backup gives out no seq that the first one has given out since', async (t) => {
  const path = await directory(t);
  const store = await opened(t, path);
  await store.push(message(1));
  const target = join(await directory(t), 'copy');
  await backupStore(path, target, limits);
  for (let number = 2; number < 50; number++) await store.push(message(number));
  const lastSeq = (await pullAll(store)).at(-1)?.seq ?? 0;
  const inTwoSeconds = { wallMs: () => Date.now() + 2_000, monotonicMs: () => 0, after: () => () => {} };
  const copy = await openDiskStore({
    path: target,
    limits,
    segmentBytes: SEGMENT_BYTES,
    clock: inTwoSeconds,
  });
  await copy.push(message(100));
  assert.ok(((await pullAll(copy)).at(-1)?.seq ?? 0) > lastSeq);
  await copy.close();
});

test('the files of a backup are for their owner alone', async (t) => {
  const path = await filledStore(t, 60);
  const target = join(await directory(t), 'a', 'copy');
  await backupStore(path, target, limits);
  assert.equal((await stat(target)).mode & 0o777, 0o700);
  for (const name of await readdir(target))
    assert.equal((await stat(join(target, name))).mode & 0o777, 0o600);
});

test('a backup goes to no directory that holds something, and of a damaged store there is none', async (t) => {
  const path = await filledStore(t, 60);
  const target = await directory(t);
  await writeFile(join(target, 'something'), '');
  await assert.rejects(backupStore(path, target, limits), { code: 'storage_error', message: /is not empty/ });
  assert.deepEqual(await readdir(target), ['something']);

  await rm(join(path, '0000000002.seg'));
  const copy = join(target, 'copy');
  const message = /0000000002\.seg at 0: it is missing.*verify/;
  await assert.rejects(backupStore(path, copy, limits), { code: 'storage_error', message });
  await refuses(copy, /0000000000\.seg at 0/);
});

test('no store opens on a backup that was cut short, wherever that was', async (t) => {
  const path = await filledStore(t, 60);
  for (let operations = 0; ; operations++) {
    const target = await directory(t);
    const copies = await openDirectory(target);
    const goOn = (): void => {
      if (left-- === 0) throw new Error('cut short');
    };
    const unlink = async (name: string): Promise<void> => {
      goOn();
      await copies.unlink(name);
    };
    const create = async (name: string): Promise<File> => {
      // The first is what says that it is no whole one.
      if ((await copies.list()).length > 0) goOn();
      const file = await copies.create(name);
      const write: File['write'] = (pieces, position) => {
        goOn();
        return file.write(pieces, position);
      };
      return {
        write,
        size: () => file.size(),
        read: async () => 0,
        flush: () => file.flush(),
        close: () => file.close(),
      };
    };
    let left = operations;
    const isWhole = await copyStore(filesOf(path), { ...copies, create, unlink }, limits).then(
      () => true,
      (error) => assert.equal(error.message, 'cut short'),
    );
    if (isWhole) break;
    await refuses(target, /\d{10}\.seg at 0/);
  }
});
