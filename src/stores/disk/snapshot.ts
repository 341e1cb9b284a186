import { RelayError } from '../../errors.ts';
import { PAGE_BYTES } from './batch.ts';
import type { File, Files, ReadableFiles } from './files.ts';
import { segmentNumber } from './segment.ts';

const ATTEMPTS_MAX = 20;

/** The files of a store changed in a way that what was read of them may not belong together: begin anew. */
class FilesChanged extends Error {}

/**
 * The segments of a directory as they are now, each opened once. A relay may run on them: it only ever appends, until it
 * gives a segment up; then the segment's name goes first, and its head is blanked before anything else of it changes.
 */
export interface Snapshot {
  /** Closing a file throws `FilesChanged` if it was given up since it was opened. */
  readonly files: ReadableFiles;
  /** Throws `FilesChanged` if a segment has come or gone since. */
  recheck(): Promise<void>;
}

/** Runs a job on a snapshot, and again on a new one where a running relay has changed its files in the middle. */
export async function withSnapshot<Result>(
  files: Files,
  job: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      const { snapshot, close } = await takeSnapshot(files);
      try {
        return await job(snapshot);
      } finally {
        await close();
      }
    } catch (error) {
      if (!(error instanceof FilesChanged)) throw error;
    }
  }
  throw new RelayError(
    'storage_error',
    'the relay that runs on this store gives up its files faster than they can be read: try again when it has less to do',
  );
}

async function takeSnapshot(
  files: Files,
): Promise<{ readonly snapshot: Snapshot; readonly close: () => Promise<void> }> {
  const all = await files.list();
  const names = segmentsOf(all);
  const opened = new Map<string, File>();
  const close = async (): Promise<void> => {
    for (const file of opened.values()) await file.close();
  };
  try {
    const watched = new Map<string, File>();
    for (const name of names) {
      const file = await files.open(name, 'read');
      opened.set(name, file);
      watched.set(name, watch(file, await firstPage(file)));
    }
    const recheck = async (): Promise<void> => {
      if (names.join() !== segmentsOf(await files.list()).join()) throw new FilesChanged();
    };
    const open = async (name: string): Promise<File> => watched.get(name) as File;
    return { snapshot: { files: { list: async () => all, open }, recheck }, close };
  } catch (error) {
    await close();
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new FilesChanged() : error;
  }
}

function segmentsOf(names: readonly string[]): string[] {
  return names.filter((name) => segmentNumber(name) !== undefined).sort();
}

/** A file that must begin with the same page whenever a reader is done with it. */
function watch(file: File, head: Buffer): File {
  return lenient(file, async () => {
    if (!head.equals(await firstPage(file))) throw new FilesChanged();
  });
}

async function firstPage(file: File): Promise<Buffer> {
  const page = Buffer.alloc(PAGE_BYTES);
  await readLeniently(file, page, 0);
  return page;
}

/** The same files, but what the disk does not give reads as zeros. */
export function lenientFiles(files: Files): ReadableFiles {
  return {
    list: files.list,
    async open(name, access) {
      const file = await files.open(name, access);
      return lenient(file, () => file.close());
    },
  };
}

function lenient(file: File, close: File['close']): File {
  return {
    size: () => file.size(),
    read: (into, position) => readLeniently(file, into, position),
    write: (pieces, position) => file.write(pieces, position),
    flush: () => file.flush(),
    close,
  };
}

/** What the disk does not give reads as zeros, page by page; no checksum takes them for anything else. */
async function readLeniently(file: File, into: Uint8Array, position: number): Promise<number> {
  try {
    return await file.read(into, position);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
  }
  if (into.length <= PAGE_BYTES) {
    into.fill(0);
    return into.length;
  }
  const half = PAGE_BYTES * Math.ceil(into.length / PAGE_BYTES / 2);
  const first = await readLeniently(file, into.subarray(0, half), position);
  if (first < half) return first;
  return first + (await readLeniently(file, into.subarray(half), position + half));
}
