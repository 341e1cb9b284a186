import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const RECORD_BYTES = 1_536;

/**
 * What one durable write costs on this disk with nothing around it: a record of 1.5 KB written into space that a file
 * already has, and fdatasync, synchronously. In milliseconds, one for each write.
 */
export function rawFlushesMs(directory: string, count: number): number[] {
  const path = join(directory, 'raw-flush');
  const file = openSync(path, 'w');
  try {
    writeSync(file, Buffer.alloc(RECORD_BYTES * count));
    fsyncSync(file);
    const record = Buffer.alloc(RECORD_BYTES, 1);
    return Array.from({ length: count }, (_, index) => {
      const startedMs = performance.now();
      writeSync(file, record, 0, RECORD_BYTES, index * RECORD_BYTES);
      fdatasyncSync(file);
      return performance.now() - startedMs;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
