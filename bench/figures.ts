import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second (USER_HZ), whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used, all threads, in seconds; NaN where it cannot be known. */
export function cpuSeconds(pid: number | undefined): number {
  const stat = readProc(pid, 'stat');
  // The name of the program, in parentheses, may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * Memory of a process in MB (10^6 bytes); NaN where it cannot be known. `RssAnon` is what it holds now without mapped
 * files, `VmHWM` the most that was resident at once.
 */
export function memoryMb(pid: number | undefined, field: 'RssAnon' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readProc(pid, 'status'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

function readProc(pid: number | undefined, file: 'stat' | 'status'): string {
  if (pid === undefined || process.platform !== 'linux') return '';
  return readFileSync(`/proc/${pid}/${file}`, 'latin1');
}

/** The value that a share (0 … 1) of all values lies at or below; NaN of none. */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The middle value; of an even count, the mean of the two in the middle. NaN of none. */
export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
