import {
  close,
  closeSync,
  constants,
  fchown,
  fdatasync,
  fstat,
  fstatSync,
  fsync,
  open,
  openSync,
  read,
  readSync,
  writev,
} from 'node:fs';
import { link, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RelayError } from '../../errors.ts';

/**
 * The few file operations that the disk store uses, all in one directory, so that tests can replace them by a disk
 * that loses power. Nothing is durable before `flush` (contents and size of a file) or `flushDirectory` (names).
 */
export interface Files {
  /** Names in the directory, in no order. */
  list(): Promise<string[]>;
  /** A new empty file, open for both; fails if the name is taken. */
  create(name: string): Promise<File>;
  open(name: string, access: 'read' | 'write'): Promise<File>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file; fails if the name is taken. */
  link(from: string, to: string): Promise<void>;
  unlink(name: string): Promise<void>;
  flushDirectory(): Promise<void>;
}

/** As much of them as it takes to read a store. */
export interface ReadableFiles {
  list(): Promise<string[]>;
  open(name: string, access: 'read'): Promise<File>;
}

export interface File {
  /** Its descriptor, where other threads of the process can read it by that. */
  readonly fd?: number;
  size(): Promise<number>;
  /** Reads at most `into.length` bytes at `position`; resolves with how many there were. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes pieces one behind the other; resolves with how many bytes were taken: fewer is a full disk. */
  write(pieces: readonly Uint8Array[], position: number): Promise<number>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Writes all pieces or throws: a disk that fills in the middle reports fewer bytes and no error. */
export async function writeWhole(file: File, pieces: readonly Uint8Array[], position: number): Promise<void> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const taken = await file.write(pieces, position);
  if (taken !== length) throw new Error(`the disk took ${taken} of ${length} bytes, it may be full`);
}

/** Fills all of `into` or throws: a file may end before, and a disk may give less and report no error. */
export async function readWhole(file: File, into: Uint8Array, position: number): Promise<void> {
  const read = await file.read(into, position);
  if (read !== into.length) throw new Error(`the disk gave ${read} of ${into.length} bytes at ${position}`);
}

/** What to throw where files fail: a refusal as it is, anything else as `storage_error` that says what could not be done and why. */
export function storageError(what: string, cause: unknown): unknown {
  if (cause instanceof RelayError || !(cause instanceof Error)) return cause;
  return new RelayError('storage_error', `${what}: ${cause.message}`, { cause });
}

/** Runs a job on a file that is open meanwhile. */
export async function withFile<Result>(
  opening: Promise<File>,
  job: (file: File) => Promise<Result>,
): Promise<Result> {
  const file = await opening;
  try {
    return await job(file);
  } finally {
    await file.close();
  }
}

/** The files of a directory, which is created with its parents where it is missing; each new name is flushed. */
export async function openDirectory(path: string): Promise<Files> {
  await createDirectory(resolve(path));
  return filesOf(path);
}

/** The files of a directory that is there. */
export function filesOf(path: string): Files {
  const directory = resolve(path);
  const at = (name: string): string => join(directory, name);
  return {
    list: () => readdir(directory),
    async create(name) {
      const fd = await openAsync(at(name), 'wx+', 0o600);
      if (process.geteuid?.() === 0) await giveToOwnerOf(directory, fd);
      return new OpenFile(fd);
    },
    open: async (name, access) =>
      access === 'read'
        ? new OpenFile(await openAsync(at(name), 'r'))
        : new OpenFile(await openAsync(at(name), constants.O_RDWR | constants.O_DSYNC), true),
    rename: (from, to) => rename(at(from), at(to)),
    link: (from, to) => link(at(from), at(to)),
    unlink: (name) => unlink(at(name)),
    flushDirectory: () => flushDirectory(directory),
  };
}

/**
 * The files of a directory for a start, during which nothing else waits: they are read without the trips through the thread pool,
 * which are a tenth of it, and a turn of the event loop comes before each file and whatever is long.
 */
export function filesAtStart(path: string): ReadableFiles {
  const directory = resolve(path);
  return {
    list: () => readdir(directory),
    async open(name) {
      await nextTurn();
      return new FileAtStart(openSync(join(directory, name), 'r'));
    },
  };
}

/** What root creates in the directory of a service is for that service to open. Where it may not be given away, it stays root's. */
async function giveToOwnerOf(directory: string, fd: number): Promise<void> {
  await stat(directory)
    .then(({ uid, gid }) => promisify(fchown)(fd, uid, gid))
    .catch(() => {});
}

const openAsync = promisify(open);
const closeAsync = promisify(close);

class OpenFile implements File {
  readonly fd: number;
  readonly #isFlushed: boolean;

  /** `isFlushed`: whether each write is flushed by the system before it returns, which saves a trip through the thread pool. */
  constructor(fd: number, isFlushed = false) {
    this.fd = fd;
    this.#isFlushed = isFlushed;
  }

  size(): Promise<number> {
    return new Promise((done, fail) =>
      fstat(this.fd, (error, stats) => (error ? fail(error) : done(stats.size))),
    );
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((done, fail) =>
      read(this.fd, into, 0, into.length, position, (error, bytes) => (error ? fail(error) : done(bytes))),
    );
  }

  write(pieces: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((done, fail) =>
      writev(this.fd, pieces, position, (error, bytes) => (error ? fail(error) : done(bytes))),
    );
  }

  async flush(): Promise<void> {
    if (this.#isFlushed) return;
    await new Promise<void>((done, fail) => fdatasync(this.fd, (error) => (error ? fail(error) : done())));
  }

  close(): Promise<void> {
    return closeAsync(this.fd);
  }
}

/** What is read without a turn of the event loop before. */
const SHORT_READ_BYTES = 65_536;

class FileAtStart extends OpenFile {
  override async read(into: Uint8Array, position: number): Promise<number> {
    if (into.length > SHORT_READ_BYTES) await nextTurn();
    return readSync(this.fd, into, 0, into.length, position);
  }

  override async size(): Promise<number> {
    return fstatSync(this.fd).size;
  }

  override async close(): Promise<void> {
    closeSync(this.fd);
  }
}

async function createDirectory(path: string): Promise<void> {
  const existing = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (existing !== undefined) return;
  const parent = dirname(path);
  await createDirectory(parent);
  await mkdir(path, { mode: 0o700 });
  await flushDirectory(parent);
}

async function flushDirectory(path: string): Promise<void> {
  const fd = await openAsync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await promisify(fsync)(fd);
  } finally {
    await closeAsync(fd);
  }
}
