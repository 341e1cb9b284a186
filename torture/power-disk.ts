import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Command } from './disk-server.ts';
import { SERVED_NAME } from './fuse.ts';
import type { Cut } from './lossy-disk.ts';
import { run, unmountAtExit } from './mounts.ts';

const BYTES = 768 * 2 ** 20;

/** An ext4 file system on a loop device on a disk that can lose its power. Needs root, FUSE and loop devices. */
export class PowerDisk {
  /** Where the file system is mounted. */
  readonly path: string;
  readonly #image: string;
  readonly #server: ChildProcess;
  readonly #unmountFuse: () => void;
  #unmount: () => void = () => {};

  private constructor(path: string, fuse: string, server: ChildProcess) {
    this.path = path;
    this.#image = join(fuse, SERVED_NAME);
    this.#server = server;
    this.#unmountFuse = unmountAtExit(fuse);
  }

  /** Makes the disk and the file system; what they need lies in `directory`. */
  static async mount(directory: string): Promise<PowerDisk> {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    const at = (name: string): string => join(directory, name);
    for (const name of ['fuse', 'images', 'disk']) mkdirSync(at(name));
    const program = fileURLToPath(new URL('./disk-server.js', import.meta.url));
    const server = fork(program, [at('fuse'), at('images'), String(BYTES)]);
    await messageOf(server);
    const disk = new PowerDisk(at('disk'), at('fuse'), server);
    // 4 KiB blocks, as on large disks; lazy initialisation would write in the background.
    run('mkfs.ext4', '-q', '-F', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0', disk.#image);
    disk.#mount();
    return disk;
  }

  /** The power goes, right after a number of further writes: what is not flushed then may be lost. Resolves with when. */
  async cut(afterWrites: number): Promise<bigint> {
    const { atNs } = (await this.#ask({ kind: 'cut', afterWrites })) as { atNs: string };
    return BigInt(atNs);
  }

  /** The power comes back: the file system is mounted again, on what the cut has left. */
  async restore(seed: number): Promise<Cut> {
    // Not the lazy way: nobody may use the disk any more.
    run('umount', this.path);
    const cut = (await this.#ask({ kind: 'restore', seed })) as Cut;
    run('mount', '-o', 'loop', this.#image, this.path);
    return cut;
  }

  async unmount(): Promise<void> {
    const ended = once(this.#server, 'exit');
    this.#unmount();
    this.#unmountFuse();
    await ended;
  }

  #mount(): void {
    run('mount', '-o', 'loop', this.#image, this.path);
    this.#unmount = unmountAtExit(this.path);
  }

  async #ask(command: Command): Promise<Answer> {
    this.#server.send(command);
    return (await messageOf(this.#server)) as Answer;
  }
}

/** What the server says next; rejects when it ends. */
async function messageOf(server: ChildProcess): Promise<unknown> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(server, 'exit', { signal }).then(() => {
    throw new Error('the disk is no longer served');
  });
  try {
    const [message] = await Promise.race([once(server, 'message', { signal }), ended]);
    return message;
  } finally {
    waiting.abort();
    ended.catch(() => {});
  }
}
