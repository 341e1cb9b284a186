import { full } from './full.ts';
import { kill, type Round, stop, term } from './modes.ts';
import type { Mode } from './options.ts';
import { powerRound } from './power.ts';
import { PowerDisk } from './power-disk.ts';
import { mountSmallDisk } from './small-disk.ts';
import type { Habits } from './stage.ts';

/** Room for a few segments above the store's reserve. */
const SMALL_DISK_BYTES = 192 * 2 ** 20;

const usual: Habits = { timeoutMs: 20_000, ttlSeconds: [4, 30, 3_600], mayRefuse: false, payloadScale: 1 };

export const habits: Readonly<Record<Mode, Habits>> = {
  kill: usual,
  term: usual,
  stop: { ...usual, timeoutMs: 500 },
  full: { ...usual, ttlSeconds: [3_600], mayRefuse: true, payloadScale: 8 },
  power: { ...usual, payloadScale: 4 },
};

/** Where a mode is played, and how. */
export interface Setting {
  /** The store lies in this directory. */
  readonly path: string;
  /** What lies under it, for people; undefined for a directory like any other. */
  readonly disk?: string;
  readonly round: Round;
  /** Lets go of what was mounted. */
  readonly release: () => Promise<void>;
}

/** Said where a mode needs what this machine does not have, or does not allow. */
export class Unavailable extends Error {}

/** Sets up what a mode needs, in a directory of its own. */
export async function setUp(mode: Mode, directory: string): Promise<Setting> {
  if (mode === 'full') {
    const { path, kind, unmount } = mountSmallDisk(directory, SMALL_DISK_BYTES);
    return { path, disk: kind, round: full, release: async () => unmount() };
  }
  if (mode === 'power') {
    const disk = await PowerDisk.mount(directory);
    const kind = 'ext4 on a loop device on a disk that can lose its power';
    return { path: disk.path, disk: kind, round: powerRound(disk), release: () => disk.unmount() };
  }
  return { path: directory, round: { kill, term, stop }[mode], release: async () => {} };
}
