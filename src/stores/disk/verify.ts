import { RelayError } from '../../errors.ts';
import type { StoreLimits } from '../store.ts';
import { type Files, filesOf, storageError } from './files.ts';
import { type Recount, recount } from './recount.ts';
import { segmentNumber } from './segment.ts';
import { withSnapshot } from './snapshot.ts';
import { isSpare } from './spares.ts';

/**
 * Counts what the files of a store hold and checks every checksum. Only reads, beside a running relay too. Throws
 * `storage_error` where there is no store, or its files cannot be read or do not stand still.
 */
export async function verifyStore(path: string, limits: StoreLimits): Promise<Recount> {
  const files = await filesOfStore(path);
  try {
    return await withSnapshot(files, ({ files: read, recheck }) =>
      recount(read, { limits, now: Date.now, recheck }),
    );
  } catch (error) {
    throw storageError(`${path} cannot be read`, error);
  }
}

/** The files of a directory in which a store lies. */
export async function filesOfStore(path: string): Promise<Files> {
  const files = filesOf(path);
  const names = await files.list().catch((error) => {
    throw storageError(`${path} cannot be read`, error);
  });
  if (names.some((name) => segmentNumber(name) !== undefined || isSpare(name))) return files;
  throw new RelayError('storage_error', `there is no store in ${path}`);
}
