import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file system of its own. */
export interface SmallDisk {
  readonly path: string;
  /** What it is, for people. */
  readonly kind: string;
  unmount(): void;
}

/** Mounts a file system of so many bytes: ext4 in a file, where that is allowed, else one in memory. */
export function mountSmallDisk(directory: string, bytes: number): SmallDisk {
  const path = join(directory, 'disk');
  mkdirSync(path);
  const unmount = (): void => run('umount', '--lazy', path);
  try {
    const image = join(directory, 'disk.img');
    writeFileSync(image, '');
    truncateSync(image, bytes);
    run('mkfs.ext4', '-q', '-m', '0', image);
    run('mount', '-o', 'loop', image, path);
    return { path, kind: 'ext4 on a loop device', unmount };
  } catch {
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'torture', path);
    return { path, kind: 'tmpfs', unmount };
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
