import { crc32 } from 'node:zlib';
import { RelayError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { MessageKey, NewMessage } from '../../message.ts';
import { ownTurn, SLICE_BYTES } from '../../slices.ts';
import { Expiry } from '../expiry.ts';
import { InFlight } from '../in-flight.ts';
import { isLong } from '../long.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type {
  AckResult,
  Clock,
  Page,
  PageLimit,
  PushResult,
  Store,
  StoreFigures,
  StoreLimits,
} from '../store.ts';
import type { StoreTime } from '../time.ts';
import { BATCH_BYTES_MAX, Batch, PAGE_BYTES } from './batch.ts';
import { CLEANER_STEP_BYTES_MAX, Cleaner } from './cleaner.ts';
import type { FailedReads } from './failed-reads.ts';
import type { Files } from './files.ts';
import type { Journal } from './journal.ts';
import { type LongParts, openLong } from './long.ts';
import { type OpenRecount, recountOpen } from './open-recount.ts';
import { DiskPage } from './page.ts';
import type { Reader, ReadRecords } from './reader.ts';
import { ackRequest, pushRequest, type Request } from './requests.ts';
import type { Reserve } from './reserve.ts';
import { segmentName } from './segment.ts';
import type { Segments } from './segments.ts';
import { Writer } from './writer.ts';

/** A batch's records, the cleaner's among them, and a page. */
const STAGING_BYTES = BATCH_BYTES_MAX + CLEANER_STEP_BYTES_MAX + PAGE_BYTES;

/** What `openDiskStore` put together. */
export interface DiskStoreParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: StoreLimits;
  readonly mailboxes: Mailboxes;
  readonly segments: Segments;
  readonly reader: Reader;
  readonly failedReads: FailedReads;
  readonly journal: Journal;
  readonly reserve: Reserve;
  readonly time: StoreTime;
  readonly segmentBytes: number;
  readonly unlock: () => Promise<void>;
}

/** A log of records in segment files, and an index of it in memory. */
export class DiskStore implements Store {
  readonly #parts: DiskStoreParts;
  readonly #mailboxes: Mailboxes;
  readonly #longParts: LongParts;
  readonly #cleaner: Cleaner;
  readonly #writer: Writer;
  readonly #expiry: Expiry;
  readonly #inFlight = new InFlight();
  #damaged = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: DiskStoreParts) {
    const { mailboxes, segments } = parts;
    this.#parts = parts;
    this.#mailboxes = mailboxes;
    this.#expiry = new Expiry(mailboxes, parts.time);
    const onDamage = (slot: number): void => this.#dropDamaged(slot);
    this.#longParts = {
      slots: mailboxes.table.slots,
      segments,
      failedReads: parts.failedReads,
      expiry: this.#expiry,
      operate: (job) => this.#operate(() => orStorageError(job())),
      onDamage,
    };
    this.#cleaner = new Cleaner({ ...parts, onDamage });
    const batch = new Batch(Math.min(STAGING_BYTES, parts.segmentBytes));
    this.#writer = new Writer({ ...parts, cleaner: this.#cleaner, expiry: this.#expiry, batch });
    segments.onDisposed = () => {
      this.#cleaner.resume();
      this.#writer.wake();
    };
  }

  push(message: NewMessage): Promise<PushResult> {
    const { recipient, payload } = message;
    if (payload.length > SLICE_BYTES) return this.#operate(() => this.#pushLong(message));
    return this.#submit(recipient, () => pushRequest(this.#mailboxes, message, crc32(payload)));
  }

  ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    return this.#submit(recipient, () => ackRequest(this.#mailboxes, recipient, keys));
  }

  pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    return this.#operate(() => this.#pull(recipient, afterSeq, limit));
  }

  isEmpty(recipient: string): boolean {
    return this.#closing === undefined && this.#mailboxes.isEmpty(recipient);
  }

  async sweep(): Promise<number> {
    const swept = await this.#expiry.sweep();
    if (this.#closing === undefined) this.#writer.tick();
    return swept;
  }

  room(): Promise<void> | undefined {
    return this.#writer.backlog.room();
  }

  figures(): StoreFigures {
    const { messages, bytes, mailboxes, memories } = this.#mailboxes.table;
    const { journal, segments, reserve, time } = this.#parts;
    return {
      messages,
      bytes,
      mailboxes,
      memories: memories.length,
      sweepLagMs: this.#mailboxes.lagMs(time.now()),
      disk: {
        fileBytes: journal.fileBytes,
        segments: segments.count,
        batches: journal.batches,
        flushSeconds: journal.flushSeconds,
        flushFailures: journal.flushFailures,
        damaged: this.#damaged,
        backlogBytes: this.#writer.backlog.bytes,
        full: reserve.isFull,
        broken: journal.broken,
      },
    };
  }

  /** Counts anew what the files hold, and checks every checksum; writes wait meanwhile. For tests and for torture. */
  verify(): Promise<OpenRecount> {
    const count = () => recountOpen(this.#parts, (slot) => this.#dropDamaged(slot));
    return this.#operate(() => this.#writer.between(count));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { journal, unlock } = this.#parts;
    await this.#inFlight.idle();
    try {
      await this.#writer.close();
      await journal.close();
    } finally {
      await unlock();
    }
  }

  async #pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    for (;;) {
      const page = await this.#expiry.whenNoneIsDue(
        recipient,
        () => this.#writer.settling ?? this.#mailboxes.page(recipient, afterSeq, limit),
      );
      if (page === undefined) continue;
      const { slots, more, remaining } = page;
      const [first] = slots;
      if (first === undefined) return { messages: [], more, remaining };
      if (isLong(this.#mailboxes.table.slots.payloadBytes.get(first), limit)) {
        const long = await orStorageError(openLong(this.#longParts, first, recipient));
        if (long === undefined) continue;
        return { messages: [], long, more, remaining };
      }
      const { records, release } = await this.#read(slots, recipient);
      if (records.every((record) => record !== undefined))
        return new DiskPage(records, { more, remaining, release });
    }
  }

  /** Reads a page's records. Those that are damaged count as gone from here on. */
  async #read(wanted: readonly number[], recipient: string): Promise<ReadRecords> {
    const { slots } = this.#mailboxes.table;
    const seqs = wanted.map((slot) => slots.seq.get(slot));
    const read = await orStorageError(this.#parts.reader.read(wanted, () => recipient));
    wanted.forEach((slot, index) => {
      const isStillThere = slots.isMessage(slot, seqs[index]);
      if (read.records[index] === undefined && isStillThere) this.#dropDamaged(slot);
    });
    return read;
  }

  async #pushLong(message: NewMessage): Promise<PushResult> {
    const payloadCrc = await crcOfLong(message.payload);
    await this.#expiry.dropDue(message.recipient);
    return this.#writer.submit(pushRequest(this.#mailboxes, message, payloadCrc));
  }

  #dropDamaged(slot: number): void {
    const { table } = this.#mailboxes;
    const { segment, position } = table.slots.positionOf(slot);
    this.#damaged++;
    this.#parts.logger.error(
      { file: segmentName(segment), offset: position },
      'a message is damaged; it counts as gone',
    );
    this.#parts.segments.mark(segment, 'damaged');
    table.drop(slot);
  }

  /** Submits what changes a mailbox; the writer waits for what was submitted, so that only a wait before is counted. */
  #submit<Answer>(recipient: string, request: () => Request<Answer>): Promise<Answer> {
    if (this.#closing !== undefined) return Promise.reject(new RelayError('storage_error'));
    try {
      const dropping = this.#expiry.dropDue(recipient);
      if (dropping === undefined) return this.#writer.submit(request());
      return this.#operate(async () => {
        await dropping;
        return this.#writer.submit(request());
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #operate<Answer>(operation: () => Promise<Answer>): Promise<Answer> {
    if (this.#closing !== undefined) throw new RelayError('storage_error');
    return this.#inFlight.run(operation);
  }
}

/** What keeps a file from being read is the disk's fault. */
function orStorageError<Result>(reading: Promise<Result>): Promise<Result> {
  return reading.catch((cause) => {
    throw new RelayError('storage_error', undefined, { cause });
  });
}

/** A CRC-32, a slice in each turn of the event loop. */
async function crcOfLong(bytes: Uint8Array): Promise<number> {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await ownTurn();
    crc = crc32(bytes.subarray(at, at + SLICE_BYTES), crc);
  }
  return crc;
}
