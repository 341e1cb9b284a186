import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RelayError } from '../../errors.ts';
import type { StoreLimits } from '../store.ts';
import { asideName, isAsideSegment, setAside } from './aside.ts';
import { PAGE_BYTES } from './batch.ts';
import { type Damage, remedyOf } from './damage.ts';
import {
  type File,
  type Files,
  type ReadableFiles,
  readWhole,
  storageError,
  withFile,
  writeWhole,
} from './files.ts';
import { readLayout, readSegmentHead, visitBatches } from './layout.ts';
import { lockDirectory } from './lock.ts';
import { type Before, renewHead } from './lost-head.ts';
import { type Recount, recount } from './recount.ts';
import { salvage } from './salvage.ts';
import { openScanner } from './scan.ts';
import {
  decodeSegmentHead,
  FIRST_BATCH,
  SEAL_BYTES,
  type SegmentHead,
  segmentName,
  segmentNumber,
} from './segment.ts';
import { lenientFiles } from './snapshot.ts';
import { unfinishedName } from './spares.ts';
import { filesOfStore } from './verify.ts';

/** What a repair has found, done and left. */
export interface Repair {
  readonly before: Recount;
  /** A sentence for each thing that was done, the file first. */
  readonly done: readonly string[];
  readonly after: Recount;
}

/**
 * Saves what can be saved of a damaged store that no relay runs on, so that one starts on it. Every file that changes is
 * kept aside as `.bad`. Throws `storage_error` where a relay runs, there is no store, nothing is left of it, it has another
 * format version, or its files cannot be read or written.
 */
export async function repairStore(path: string, limits: StoreLimits): Promise<Repair> {
  const files = await filesOfStore(path);
  const unlock = await lockDirectory(path);
  try {
    return await repairFiles(files, limits, Date.now);
  } catch (error) {
    throw storageError(`${path} cannot be repaired`, error);
  } finally {
    await unlock();
  }
}

/** The same, for the files of a directory that is this program's alone. */
export async function repairFiles(files: Files, limits: StoreLimits, now: () => number): Promise<Repair> {
  const readable = lenientFiles(files);
  const count = (): Promise<Recount> => recount(readable, { limits, now });
  const before = await count();
  const hopeless = before.damage.find(({ kind }) => kind === 'version' || kind === 'remains');
  if (hopeless !== undefined)
    throw new RelayError(
      'storage_error',
      `${hopeless.file}: ${hopeless.what}. Nothing is changed: ${remedyOf(hopeless.kind)}`,
    );
  const done: string[] = [];
  const most = 4 * (await files.list()).length;
  for (let step = 0; step < most; step++) {
    const damage = await nextInLayout(readable);
    if (damage === undefined) break;
    done.push(await mendLayout(files, damage));
  }
  const { damage } = await count();
  done.push(...(await mendContents(files, new Set(damage.map(({ file }) => file)))));
  return { before, done, after: await count() };
}

/** The first thing that is wrong with which segments there are. */
async function nextInLayout(files: ReadableFiles): Promise<Damage | undefined> {
  const found: Damage[] = [];
  await readLayout(files, { onDamage: (each) => void found.push(each), onTorn() {} });
  return found.find(({ kind }) => kind === 'head' || kind === 'missing' || kind === 'sealed');
}

function mendLayout(files: Files, { kind, file, bytes }: Damage): Promise<string> {
  if (kind === 'head') return mendHead(files, file);
  if (kind === 'missing') return mendMissing(files, file, bytes);
  return addSuccessor(files, file);
}

async function mendHead(files: Files, name: string): Promise<string> {
  const bytes = await bytesOf(files, name);
  const head = decodeSegmentHead(bytes.subarray(0, PAGE_BYTES));
  if (head !== undefined && head.number !== segmentNumber(name)) return giveName(files, name, head.number);
  if (head !== undefined) {
    const whole = Buffer.alloc(head.bytes);
    bytes.copy(whole);
    const aside = await replace(files, name, whole);
    return `${name}: it had another length; what it was is kept as ${aside}`;
  }
  const number = segmentNumber(name) as number;
  if (!(await renewHead(bytes, number, await before(files, number))))
    return `${name}: nothing in it is known for sure to belong there; it is kept as ${await setAside(files, name)}`;
  return `${name}: it has a head again; what it was is kept as ${await replace(files, name, bytes)}`;
}

/** A file whose head says that it is another segment is that one, unless that one is there. */
async function giveName(files: Files, name: string, number: number): Promise<string> {
  const right = segmentName(number);
  if (await isSegment(files, right))
    return `${name}: it is ${right}, which is there too; it is kept as ${await setAside(files, name)}`;
  if ((await files.list()).includes(right)) await setAside(files, right);
  await files.rename(name, right);
  await files.flushDirectory();
  return `${name}: it is ${right}, and is called that again`;
}

/** Brings a segment back that was set aside; else an empty one takes its place, which ends where the next one says. */
async function mendMissing(files: Files, name: string, end: number): Promise<string> {
  const number = segmentNumber(name) as number;
  for (const other of (await files.list()).filter(isAsideSegment)) {
    const head = await withFile(openLeniently(files, other), (file) => readSegmentHead(file, name));
    if (!('number' in head)) continue;
    await files.rename(other, name);
    await files.flushDirectory();
    return `${name}: it was there as ${other}`;
  }
  await addEmpty(files, number, end);
  return `${name}: it is missing; an empty one takes its place, and what was in it is lost`;
}

async function addSuccessor(files: Files, name: string): Promise<string> {
  const next = (segmentNumber(name) as number) + 1;
  await addEmpty(files, next, FIRST_BATCH);
  return `${segmentName(next)}: it is missing, or later ones too; an empty one takes their place, and what was in them is lost`;
}

/** Writes every segment of the log anew in which something is damaged. */
async function mendContents(files: Files, damaged: ReadonlySet<string>): Promise<string[]> {
  const done: string[] = [];
  const layout = await readLayout(lenientFiles(files), { onDamage() {}, onTorn() {} });
  for (const { head, end } of layout?.segments ?? []) {
    const name = segmentName(head.number);
    if (!damaged.has(name) || end === undefined) continue;
    const { bytes, unknownBytes } = await salvage(await bytesOf(files, name), head, end);
    const aside = await replace(files, name, bytes);
    const unknown =
      unknownBytes === 0
        ? ''
        : `; of ${unknownBytes} bytes it is not known what all of it was: messages there are lost, acks are forgotten`;
    done.push(
      `${name}: it is written anew without what is damaged; what it was is kept as ${aside}${unknown}`,
    );
  }
  return done;
}

async function addEmpty(files: Files, number: number, end: number): Promise<void> {
  const previous = await before(files, number);
  const { segment = 0, position = 0, oldest = number, timeMs = 0, nextSeq = 0 } = previous ?? {};
  const bytes = end + SEAL_BYTES;
  const flushed = { segment, position };
  const head: SegmentHead = { number, bytes, salt: randomBytes(16), nextSeq, oldest, flushed, timeMs };
  await replace(files, segmentName(number), (await salvage(Buffer.alloc(bytes), head, end)).bytes);
}

/** Where the log ends before a segment of this number, as far as it is there. */
async function before(files: Files, number: number): Promise<Before | undefined> {
  const numbers = (await files.list())
    .map(segmentNumber)
    .filter((each) => each !== undefined && each < number);
  for (const segment of (numbers as number[]).sort((a, b) => b - a)) {
    const name = segmentName(segment);
    const found = await withFile(openLeniently(files, name), async (file) => {
      const head = await readSegmentHead(file, name);
      return 'number' in head ? lastIn(file, head) : undefined;
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lastIn(file: File, head: SegmentHead): Promise<Before> {
  const { scanner } = await openScanner(file, head.bytes, crc32(head.salt));
  let { oldest, timeMs, nextSeq } = head;
  const position = await visitBatches(scanner, '', undefined, { onDamage() {} }, ({ frame }) => {
    ({ oldest, timeMs, nextSeq } = frame);
  });
  return { segment: head.number, position, oldest, timeMs, nextSeq };
}

function isSegment(files: Files, name: string): Promise<boolean> {
  const isHead = async (file: File) => 'number' in (await readSegmentHead(file, name));
  return withFile(openLeniently(files, name), isHead).catch(() => false);
}

function openLeniently(files: Files, name: string): Promise<File> {
  return lenientFiles(files).open(name, 'read');
}

async function bytesOf(files: Files, name: string): Promise<Buffer> {
  return withFile(openLeniently(files, name), async (file) => {
    const bytes = Buffer.alloc(await file.size());
    await readWhole(file, bytes, 0);
    return bytes;
  });
}

/** Puts other bytes under a name, whole or not at all; resolves with where those of before are. */
async function replace(files: Files, name: string, bytes: Buffer): Promise<string> {
  // A start removes what is called so, and a repair that is killed leaves no more than that.
  const unfinished = unfinishedName(Date.now());
  try {
    await withFile(files.create(unfinished), async (file) => {
      await writeWhole(file, [bytes], 0);
      await file.flush();
    });
    const aside = await asideName(files, name);
    if ((await files.list()).includes(name)) await files.link(name, aside);
    await files.flushDirectory();
    await files.rename(unfinished, name);
    await files.flushDirectory();
    return aside;
  } catch (error) {
    await files.unlink(unfinished).catch(() => {});
    throw error;
  }
}
