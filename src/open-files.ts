import { readdirSync, readFileSync } from 'node:fs';

/** Files and connections that this process has open; undefined where the system does not tell. */
export function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1; // One of them is this listing's own.
  } catch {
    return undefined;
  }
}

/** Of what the process may open, this is left to the store and all else: with a limit of 65,536, for 128 GiB of segments. */
const SHARE = 1 / 8;
const SHARE_MIN = 128;

/**
 * How many connections leave the store the files that it needs, but half of the limit at least; undefined where there is no
 * limit, or the system does not tell.
 */
export function connectionsMax(): number | undefined {
  const limit = openFilesMax();
  if (limit === undefined) return undefined;
  return Math.max(Math.ceil(limit / 2), limit - Math.max(SHARE_MIN, Math.ceil(limit * SHARE)));
}

function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}
