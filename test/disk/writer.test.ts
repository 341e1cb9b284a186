import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { TestClock } from '../stores/clock.ts';
import { contractLimits as limits, message } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

test('whoever waits when a batch fails as none should is told so, and the log too; the next one is taken', async () => {
  let calls = Number.NEGATIVE_INFINITY;
  class BadClock extends TestClock {
    override wallMs(): number {
      calls++;
      // The first is the store's own, before anything waits.
      if (calls > 1 && calls < 100) throw new Error('no time');
      return super.wallMs();
    }
  }
  const errors: unknown[] = [];
  const ignore = () => {};
  const log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: ({ err }: { err?: unknown }) => errors.push(err),
  };
  const clock = new BadClock();
  const store = await openDiskStore({ path: '', limits, files: new MemoryFiles(), clock, log });
  calls = 0;
  await assert.rejects(store.push(message(1)), /no time/);
  assert.deepEqual(errors.map(String), ['Error: no time']);
  calls = 100;
  assert.equal((await store.push(message(1))).stored, true);
  await store.close();
});

test('what no record has room for is refused, as a promise', async () => {
  const store = await openDiskStore({ path: '', limits, files: new MemoryFiles() });
  const refused = store.push(message(1, { recipient: 'a'.repeat(65_536) }));
  await assert.rejects(refused, { code: 'invalid_input' });
  await store.close();
});
