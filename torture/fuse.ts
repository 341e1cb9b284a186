import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, read, writeSync } from 'node:fs';
import { promisify } from 'node:util';

/** A file of fixed size whose contents are somebody's own. */
export interface ServedFile {
  readonly bytes: number;
  read(length: number, position: number): Buffer;
  write(data: Buffer, position: number): void;
  flush(): void;
}

/** The name that the file has in the directory it is served in. */
export const SERVED_NAME = 'disk';

const WRITE_BYTES_MAX = 131_072;
const IN_HEADER_BYTES = 40;
const FILE_NODE = 2n;
const ENOENT = 2;
const ENOSYS = 38;
const ENODEV = 'ENODEV';

/** Opcodes of Linux's `fuse.h`; whatever is not among them is answered ENOSYS. */
const op = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  destroy: 38,
  batchForget: 42,
} as const;

/**
 * Mounts a directory with one file in it through FUSE, in the kernel's own protocol (7.31), and serves it until it is
 * unmounted. Requests are answered one after the other, each only when it is done: a flush covers what was written before.
 */
export async function serveFile(directory: string, file: ServedFile): Promise<{ ended: Promise<void> }> {
  const device = openSync('/dev/fuse', constants.O_RDWR);
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const stdio = ['ignore', 'inherit', 'inherit', device] as const;
  const ended = serve(device, file).finally(() => closeSync(device));
  await succeeded(
    spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'torture', directory], { stdio: [...stdio] }),
  );
  return { ended };
}

async function serve(device: number, file: ServedFile): Promise<void> {
  const buffer = Buffer.alloc(WRITE_BYTES_MAX + 65_536);
  for (;;) {
    const length = await readRequest(device, buffer);
    if (length === undefined) return;
    const reply = answer(buffer.subarray(0, length), file);
    if (reply !== undefined) writeSync(device, withHeader(buffer.readBigUInt64LE(8), reply));
  }
}

/** Resolves with undefined once the directory is no longer mounted. */
async function readRequest(device: number, buffer: Buffer): Promise<number | undefined> {
  for (;;) {
    try {
      return (await promisify(read)(device, buffer, 0, buffer.length, null)).bytesRead;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === ENODEV) return undefined;
      // A request that was taken back before it could be read.
      if (code !== 'ENOENT' && code !== 'EINTR' && code !== 'EPERM') throw error;
    }
  }
}

type Reply = Buffer | { readonly errno: number };

/** What a request is answered with; undefined for one that wants no answer. */
function answer(request: Buffer, file: ServedFile): Reply | undefined {
  const nodeId = request.readBigUInt64LE(16);
  const body = request.subarray(IN_HEADER_BYTES);
  switch (request.readUInt32LE(4)) {
    case op.init:
      return initReply();
    case op.lookup:
      return body.toString().replace(/\0.*$/s, '') === SERVED_NAME ? entryReply(file) : { errno: ENOENT };
    case op.getattr:
    case op.setattr:
      return Buffer.concat([Buffer.alloc(16), attributes(nodeId, file)]);
    case op.open:
      return openReply();
    case op.read:
      return file.read(body.readUInt32LE(16), Number(body.readBigUInt64LE(8)));
    case op.write:
      return writeReply(body, file);
    case op.fsync:
      file.flush();
      return Buffer.alloc(0);
    case op.statfs:
      return Buffer.alloc(80);
    case op.release:
    case op.flush:
    case op.destroy:
      return Buffer.alloc(0);
    case op.forget:
    case op.batchForget:
      return undefined;
    default:
      return { errno: ENOSYS };
  }
}

function initReply(): Buffer {
  const reply = Buffer.alloc(64);
  reply.writeUInt32LE(7, 0);
  reply.writeUInt32LE(31, 4);
  reply.writeUInt32LE(WRITE_BYTES_MAX, 8);
  // FUSE_BIG_WRITES: more than a page at once.
  reply.writeUInt32LE(1 << 5, 12);
  reply.writeUInt32LE(WRITE_BYTES_MAX, 20);
  reply.writeUInt32LE(1, 24);
  return reply;
}

function entryReply(file: ServedFile): Buffer {
  const entry = Buffer.alloc(40);
  entry.writeBigUInt64LE(FILE_NODE, 0);
  return Buffer.concat([entry, attributes(FILE_NODE, file)]);
}

function openReply(): Buffer {
  const reply = Buffer.alloc(16);
  // FOPEN_DIRECT_IO: no page cache between the loop device and this file.
  reply.writeUInt32LE(1, 8);
  return reply;
}

function writeReply(body: Buffer, file: ServedFile): Buffer {
  const length = body.readUInt32LE(16);
  file.write(Buffer.from(body.subarray(40, 40 + length)), Number(body.readBigUInt64LE(8)));
  const reply = Buffer.alloc(8);
  reply.writeUInt32LE(length, 0);
  return reply;
}

function attributes(nodeId: bigint, { bytes }: ServedFile): Buffer {
  const isFile = nodeId === FILE_NODE;
  const attr = Buffer.alloc(88);
  attr.writeBigUInt64LE(nodeId, 0);
  attr.writeBigUInt64LE(BigInt(isFile ? bytes : 0), 8);
  attr.writeUInt32LE(isFile ? 0o100600 : 0o040700, 60);
  attr.writeUInt32LE(isFile ? 1 : 2, 64);
  attr.writeUInt32LE(4_096, 80);
  return attr;
}

function withHeader(unique: bigint, reply: Reply): Buffer {
  const body = Buffer.isBuffer(reply) ? reply : Buffer.alloc(0);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeInt32LE(Buffer.isBuffer(reply) ? 0 : -reply.errno, 4);
  header.writeBigUInt64LE(unique, 8);
  return Buffer.concat([header, body]);
}

async function succeeded(child: ChildProcess): Promise<void> {
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`mount ended with status ${status}`);
}
