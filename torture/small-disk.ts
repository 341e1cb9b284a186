import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, unmountAtExit } from './mounts.ts';

/** A file system of its own. */
export interface SmallDisk {
  readonly path: string;
  /** What it is, for people. */
  readonly kind: string;
  readonly unmount: () => void;
}

/** Mounts a file system of so many bytes: ext4 in a file, where that is allowed, else one in memory. */
export function mountSmallDisk(directory: string, bytes: number): SmallDisk {
  const path = join(directory, 'disk');
  mkdirSync(path);
  const kind = mountImage(join(directory, 'disk.img'), path, bytes) ?? mountMemory(path, bytes);
  return { path, kind, unmount: unmountAtExit(path) };
}

function mountImage(image: string, path: string, bytes: number): string | undefined {
  try {
    writeFileSync(image, '');
    truncateSync(image, bytes);
    run('mkfs.ext4', '-q', '-m', '0', image);
    run('mount', '-o', 'loop', image, path);
    return 'ext4 on a loop device';
  } catch {
    return undefined;
  }
}

function mountMemory(path: string, bytes: number): string {
  run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'torture', path);
  return 'tmpfs';
}
