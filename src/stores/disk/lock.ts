import { stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { RelayError } from '../../errors.ts';

const TRIES_MS = 3000;
const PAUSE_MS = 50;
/** An abstract name fills all of `sun_path`: Node 20 pads a shorter one with NULs, Node 24 does not, and both would get in. */
const NAME_BYTES = 108;

/**
 * Takes a store's directory for this process; resolves with how to let go of it. The kernel lets go of it when the process
 * ends, however it ends. It holds within one network namespace: two containers that share a directory are not kept apart.
 * Where there are no abstract names, the socket of one that has crashed is removed by whoever comes next: two that come at the
 * same moment may both get in.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const name = await lockName(directory);
  for (const endMs = Date.now() + TRIES_MS; ; ) {
    const server = await listen(name);
    if (server !== undefined) return () => new Promise((done) => server.close(() => done()));
    if (Date.now() > endMs) break;
    if (!name.startsWith('\0') && !(await answers(name))) await unlink(name).catch(() => {});
    await new Promise((next) => setTimeout(next, PAUSE_MS));
  }
  throw new RelayError(
    'storage_error',
    `the store at ${directory} is in use by another relay: stop that one, or give another storage path`,
  );
}

async function lockName(directory: string): Promise<string> {
  if (process.platform !== 'linux') return join(directory, 'lock');
  const { dev, ino } = await stat(directory, { bigint: true });
  return `\0enigma-relay-${dev}-${ino}-`.padEnd(NAME_BYTES, 'x');
}

/** A server on the name; undefined if somebody else has it. */
function listen(name: string): Promise<Server | undefined> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? done(undefined) : fail(error),
    );
    server.listen(name, () => {
      server.unref();
      done(server);
    });
  });
}

function answers(name: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(name);
    socket.once('error', () => done(false));
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
  });
}
