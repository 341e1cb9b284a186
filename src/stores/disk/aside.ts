import type { Files } from './files.ts';

/** Takes a file that could not be read whole away from the store, and keeps it; resolves with its name from now on. */
export async function setAside(files: Files, name: string): Promise<string> {
  const aside = await asideName(files, name);
  await files.rename(name, aside);
  await files.flushDirectory();
  return aside;
}

/** Whether it is a segment that was set aside. */
export function isAsideSegment(name: string): boolean {
  return /\.seg\.bad\d*$/.test(name);
}

/** A name to keep it under: what was kept before stays. */
export async function asideName(files: Files, name: string): Promise<string> {
  const names = await files.list();
  let free = `${name}.bad`;
  for (let copy = 2; names.includes(free); copy++) free = `${name}.bad${copy}`;
  return free;
}
