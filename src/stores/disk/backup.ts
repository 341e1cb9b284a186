import { RelayError } from '../../errors.ts';
import type { StoreLimits } from '../store.ts';
import { type Damage, remedyOf } from './damage.ts';
import {
  type File,
  type Files,
  openDirectory,
  type ReadableFiles,
  storageError,
  withFile,
  writeWhole,
} from './files.ts';
import { type Extent, readLayout } from './layout.ts';
import { type Recount, recount } from './recount.ts';
import { type SegmentHead, segmentName } from './segment.ts';
import { type Snapshot, withSnapshot } from './snapshot.ts';
import { filesOfStore } from './verify.ts';

const STEP_BYTES = 1 << 20;

/** There as long as the copy is no whole one: no log has a segment of this number, and no relay starts beside one without a head. */
const UNFINISHED = segmentName(0);

/**
 * Copies a store to a new or empty directory, as it is at a moment after the call: what was answered before is in the copy.
 * Only reads the store, on which a relay may run. The copy is flushed when this resolves; after a failure no relay starts on
 * what is there of it. Resolves with what the copy holds, read anew. Throws `storage_error` where there is no store, it is
 * damaged, the target is not empty, or either cannot be read or written.
 */
export async function backupStore(path: string, target: string, limits: StoreLimits): Promise<Recount> {
  const files = await filesOfStore(path);
  try {
    const copies = await openDirectory(target);
    if ((await copies.list()).length > 0)
      throw new RelayError('storage_error', `${target} is not empty: name a new directory`);
    return await copyStore(files, copies, limits);
  } catch (error) {
    throw storageError(`${path} cannot be copied to ${target}`, error);
  }
}

/** The same, into an empty directory. */
export async function copyStore(files: Files, copies: Files, limits: StoreLimits): Promise<Recount> {
  const done = new Set<number>();
  await withFile(copies.create(UNFINISHED), () => copies.flushDirectory());
  await withSnapshot(files, (snapshot) => copyLog(snapshot, copies, done));
  await copies.unlink(UNFINISHED);
  await copies.flushDirectory();
  return recount(copies, { limits, now: Date.now });
}

/** `done` has the segments that an earlier try has copied. */
async function copyLog({ files, recheck }: Snapshot, copies: Files, done: Set<number>): Promise<void> {
  const segments = await wholeLayout(files, recheck);
  const last = segments.at(-1);
  for (const name of await copies.list()) {
    const isDone = segments.some(({ head }) => segmentName(head.number) === name && done.has(head.number));
    if (!isDone && name !== UNFINISHED) await copies.unlink(name);
  }
  // The oldest segment first, as that is the first to be given up.
  for (const each of segments) {
    const { head } = each;
    if (done.has(head.number)) continue;
    // Behind the last batch the next one may be on its way.
    await copySegment(files, copies, head, each === last ? (each.end as number) : head.bytes);
    if (each !== last) done.add(head.number);
  }
  await copies.flushDirectory();
}

async function wholeLayout(files: ReadableFiles, recheck: () => Promise<void>): Promise<Extent[]> {
  const damage: Damage[] = [];
  const layout = await readLayout(files, { onDamage: (each) => void damage.push(each), onTorn() {} });
  if (damage.length > 0) await recheck();
  for (const { kind, file, offset, what } of damage) {
    const why =
      kind === 'version'
        ? `Nothing is copied: ${remedyOf(kind)}`
        : 'Nothing is copied of a store that is damaged: see enigma-relay verify';
    throw new RelayError('storage_error', `${file} at ${offset}: ${what}. ${why}`);
  }
  return [...(layout?.segments ?? [])];
}

/** Copies a segment up to `end`; zeros follow there. */
async function copySegment(
  files: ReadableFiles,
  copies: Files,
  { number, bytes }: SegmentHead,
  end: number,
): Promise<void> {
  const name = segmentName(number);
  await withFile(copies.create(name), async (copy) => {
    await withFile(files.open(name, 'read'), (file) => copyBytes(file, copy, end));
    await fillWithZeros(copy, end, bytes);
    await copy.flush();
  });
}

async function copyBytes(from: File, to: File, end: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (let at = 0; at < end; ) {
    const piece = buffer.subarray(0, await from.read(buffer.subarray(0, Math.min(STEP_BYTES, end - at)), at));
    if (piece.length === 0) throw new Error(`a file ends at ${at}, before ${end}`);
    await writeWhole(to, [piece], at);
    at += piece.length;
  }
}

async function fillWithZeros(file: File, start: number, end: number): Promise<void> {
  const zeros = Buffer.alloc(STEP_BYTES);
  for (let at = start; at < end; at += STEP_BYTES)
    await writeWhole(file, [zeros.subarray(0, Math.min(STEP_BYTES, end - at))], at);
}
