import assert from 'node:assert/strict';
import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { repairStore } from '../../src/stores/disk/repair.ts';
import { contractLimits as limits } from '../stores/harness.ts';
import { filledStore, flip } from './stores.ts';

test('what a repair by root writes belongs to the owner of the directory', async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('files can be given away by root only');
  const path = await filledStore(t, 60);
  const [uid, gid] = [54_321, 54_322];
  for (const name of ['.', ...(await readdir(path))]) await chown(join(path, name), uid, gid);
  await flip(join(path, '0000000002.seg'), 4096 + 20);
  const { done } = await repairStore(path, limits);
  assert.match(done.join(), /0000000002\.seg: it is written anew/);
  for (const name of await readdir(path)) {
    const owner = await stat(join(path, name));
    assert.deepEqual([owner.uid, owner.gid, owner.mode & 0o777], [uid, gid, 0o600], name);
  }
});
