import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RelayError } from '../../errors.ts';
import { createGate } from '../../gate.ts';
import { type Logger, silentLog } from '../../log.ts';
import { Mailboxes } from '../mailboxes.ts';
import { type Clock, type StoreLimits, systemClock } from '../store.ts';
import { firstSeq, StoreTime } from '../time.ts';
import { inTurns } from '../turns.ts';
import { strictly } from './damage.ts';
import { DiskStore } from './disk.ts';
import { FailedReads } from './failed-reads.ts';
import { type Files, filesAtStart, openDirectory, storageError } from './files.ts';
import { Journal, type JournalStart } from './journal.ts';
import { lockDirectory } from './lock.ts';
import { ReadThread } from './read-thread.ts';
import { createReader } from './reader.ts';
import { Recent } from './recent.ts';
import { type Recovered, recover, rewriteLast } from './recovery.ts';
import { Reserve } from './reserve.ts';
import { segmentName } from './segment.ts';
import { Segments } from './segments.ts';
import { Spares } from './spares.ts';
import { Tail } from './tail.ts';

const SEGMENT_BYTES = 16 * 2 ** 20;
/** Of a segment's length, for each of the two stretches that are kept in memory. */
const RECENT_SHARE = 1 / 8;

export interface DiskStoreOptions {
  /** The directory, created where it is missing. */
  readonly path: string;
  readonly limits: StoreLimits;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Length of a segment file, a multiple of 4,096; 16 MiB unless a test wants many of them. */
  readonly segmentBytes?: number;
  /** In place of the directory's files; then no lock is taken. */
  readonly files?: Files;
}

/**
 * Opens the store that keeps everything in a log on disk; `docs/file-format.md` describes its files. Throws
 * `storage_error` for a directory that another relay uses, that a sled database lies in, that cannot be read or written,
 * or whose files are damaged where nothing may be.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  if (options.files !== undefined) return open(options, options.files, async () => {});
  await refuseSled(options.path);
  let unlock: (() => Promise<void>) | undefined;
  try {
    const files = await openDirectory(options.path);
    unlock = await lockDirectory(options.path);
    return await open(options, files, unlock);
  } catch (error) {
    await unlock?.();
    throw storageError(`the store at ${options.path} does not open`, error);
  }
}

async function open(
  options: DiskStoreOptions,
  files: Files,
  unlock: () => Promise<void>,
): Promise<DiskStore> {
  const { limits, clock = systemClock, log: logger = silentLog, segmentBytes = SEGMENT_BYTES } = options;
  const startMs = clock.monotonicMs();
  // Reads, fills and disposals leave two of the four threads of Node's pool to the flushes, and to zlib.
  const gate = createGate(2);
  const spares = new Spares(files, gate, segmentBytes);
  const segments = new Segments(files, spares, gate, segmentBytes, logger);
  const mailboxes = new Mailboxes(limits);
  const reading = options.files ?? filesAtStart(options.path);
  const found = await recover(reading, mailboxes.table, limits.dedupWindowMs > 0, strictly(logger));
  await spares.load(await files.list());
  const recent = new Recent(segmentBytes * RECENT_SHARE);
  const start = found === undefined ? firstStart : await resume(files, segments, recent, found);
  const time = new StoreTime(clock, found?.timeMs, (byMs) =>
    logger.warn({ by_ms: byMs }, 'the clock jumped ahead'),
  );
  const nowMs = time.now();
  mailboxes.nextSeq = Math.max(found?.nextSeq ?? 0, firstSeq(nowMs));
  await inTurns((max) => mailboxes.dropDue(nowMs, max));
  const stamp = () => ({ timeMs: time.now(), nextSeq: mailboxes.nextSeq });
  const reserve = new Reserve(spares, logger);
  const thread = options.files === undefined ? new ReadThread(logger) : undefined;
  const { slots } = mailboxes.table;
  const failedReads = new FailedReads(clock);
  const reader = createReader({ segments, recent, slots, thread, failedReads });
  const parts = { files, clock, logger, segmentBytes, reserve, segments, recent, reader, failedReads };
  const journal = new Journal({ ...parts, stamp }, start);
  if (found === undefined) await beginLog(spares, journal);
  const prepared = reserve.prepare();
  if (found === undefined) await prepared;
  spares.bytesAhead = () => journal.remaining;
  const { messages } = mailboxes.table;
  logger.info({ messages, ms: Math.round(clock.monotonicMs() - startMs) }, 'the store is open');
  const letGo = async (): Promise<void> => {
    await thread?.close();
    await unlock();
  };
  void inTurns((max) => mailboxes.table.orderMore(max));
  return new DiskStore({ ...parts, limits, mailboxes, journal, time, unlock: letGo });
}

/** A new log begins with a segment; only then is more than one spare prepared, so that spares alone are known for remains. */
async function beginLog(spares: Spares, journal: Journal): Promise<void> {
  try {
    if (spares.count === 0) await spares.add();
    await journal.begin();
  } catch (error) {
    await journal.close();
    throw error;
  }
}

const firstStart: JournalStart = {
  tail: undefined,
  oldest: 1,
  flushed: { segment: 0, position: 0 },
  nextNumber: 1,
  isClosed: false,
};

/**
 * Goes on with the log that was found. What a killed process wrote may be in the page cache only, so the names and the last
 * batch are made durable before anything rests on them; only then goes what that batch says no longer counts.
 */
async function resume(
  files: Files,
  segments: Segments,
  recent: Recent,
  found: Recovered,
): Promise<JournalStart> {
  const head = found.segments.at(-1) as Recovered['segments'][number];
  await files.flushDirectory();
  const file = await files.open(segmentName(head.number), 'write');
  try {
    if (found.last !== undefined) await rewriteLast(file, found.last);
    for (const number of found.dead) await files.unlink(segmentName(number));
  } catch (error) {
    await file.close();
    throw error;
  }
  for (const { number, bytes } of found.segments) segments.add(number, bytes);
  const flushed = found.last === undefined ? head.flushed : { segment: head.number, position: head.end };
  return {
    tail: new Tail(head, file, recent, { end: head.end }),
    oldest: found.oldest,
    flushed,
    nextNumber: head.number + 1,
    isClosed: found.isClosed,
  };
}

async function refuseSled(path: string): Promise<void> {
  const isThere = (name: string) =>
    stat(join(path, name)).then(
      () => true,
      () => false,
    );
  if (!((await isThere('conf')) && (await isThere('db')))) return;
  throw new RelayError(
    'storage_error',
    `${path} holds a sled database of the former relay, which is not touched: drain it with that relay, or give another storage path`,
  );
}
