import { resolveConfig } from '../src/config.ts';
import { openDiskStore } from '../src/stores/disk/open.ts';
import { storeLimits } from '../src/stores/open.ts';
import { hold } from './violation.ts';

/** Counts anew what the files of a store hold, which must be what it answers with. */
export async function recount(path: string): Promise<{ messages: number; bytes: number }> {
  const store = await openDiskStore({ path, limits: storeLimits(resolveConfig({})) });
  try {
    const found = await store.verify();
    hold(
      found.isConsistent && found.damage.length === 0,
      () => `a recount of the files: ${JSON.stringify(found)}`,
    );
    return found;
  } finally {
    await store.close();
  }
}
