import type { Message, MessageKey, NewMessage, PackedMessage } from '../message.ts';

/**
 * Where messages are kept. Every store holds these promises (the disk store all of them; the memory store those
 * that need no disk); `test/stores/contract.ts` checks each, unchanged, against every store.
 *
 * 1. `push` resolves only once the message would survive a kill and a power cut, and is atomic: dedup, both quotas,
 *    seq, message and counters, all or nothing. Concurrent pushes never overshoot a quota. A duplicate of a push
 *    that is still on its way to the disk waits for it.
 * 2. `pull` is pure. It returns live messages of one recipient in seq order, bounded by count and by bytes, at a
 *    cost that depends on the page only. It never shows a message that a crash could still undo.
 * 3. `ack` is idempotent and atomic, resolves when it is on disk, and remembers what it deleted for the dedup window.
 * 4. Expired messages are invisible from their deadline; removing them costs what is due, in bounded steps.
 * 5. The counters always equal a recount.
 * 6. A seq grows per recipient and is never used twice, after emptying, restart or restore included.
 * 7. Mailboxes are isolated, and nothing is left of one that is empty and past its dedup window.
 * 8. On a full disk `push` fails with `storage_error` while pulls, acks and restarts go on; nothing acknowledged is
 *    lost, and pushes are taken again once they can be.
 * 9. `close` waits for what is in flight.
 *
 * What a store refuses it rejects with a `RelayError`: `quota_exceeded` or `storage_error`; one on disk with `invalid_input` too, where
 * a recipient or a kind has more than 65,535 bytes.
 */
export interface Store {
  /**
   * Keeps a message, or recognises it as one that is kept or remembered; whatever the payload, the first one wins. The
   * bytes of the payload are the caller's again once the promise is settled: a store that keeps them has copied them.
   */
  push(message: NewMessage): Promise<PushResult>;
  /** The live messages of a mailbox whose seq is above `afterSeq` (0: all), oldest first; an unknown mailbox is an empty one. */
  pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page>;
  /**
   * Whether a mailbox holds no message now, so that a pull of it would give an empty page, whatever else is asked for. False where
   * that cannot be said at once, and once the store takes nothing more. Who replaces `pull` replaces this too.
   */
  isEmpty?(recipient: string): boolean;
  /** Deletes messages and remembers their keys. Each distinct key counts once. */
  ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult>;
  /** Removes what is due; resolves with how many messages that were. */
  sweep(): Promise<number>;
  /** Undefined while pushes may be read; otherwise resolves when there is room, or throws `storage_error`. */
  room?(): Promise<void> | undefined;
  figures(): StoreFigures;
  /** Takes nothing more, finishes what was begun, and lets go of everything. */
  close(): Promise<void>;
}

export interface PushResult {
  /** False for a duplicate. */
  readonly stored: boolean;
  /** Live messages in the mailbox afterwards. */
  readonly queueLen: number;
  /** Their payloads' bytes. */
  readonly queueBytes: number;
}

export interface PageLimit {
  /** At least 1. */
  readonly messagesMax: number;
  /** Of payload; a page holds at least one message whatever its size. */
  readonly bytesMax: number;
  /**
   * A message with more payload than this, and than `bytesMax`, is not read but given as `Page.long`. Infinity where it is
   * not given; a store that gives all messages whole may ignore it.
   */
  readonly wholeBytesMax?: number;
}

export interface Page {
  readonly messages: readonly Message[];
  /** The same messages as they are kept, where a store has them in this form: written in half the time. */
  readonly packed?: readonly PackedMessage[] | undefined;
  /** The only message of the page, where that is too long for `wholeBytesMax`; `messages` is empty then. */
  readonly long?: LongMessage;
  /** Whether live messages follow the last one of this page. */
  readonly more: boolean;
  /** Live messages in the mailbox that are not on this page, whichever side of it. */
  readonly remaining: number;
  /** For who is done with the messages early: nobody may look at their payloads from then on, and other pages are read there. */
  release?(): void;
}

/** A message whose payload is read in pieces, so that nobody holds all of it at once. */
export interface LongMessage extends Omit<Message, 'payload'> {
  readonly payloadBytes: number;
  /**
   * The payload from its beginning, in pieces whose lengths are multiples of three, but for the last. Each is read when it is
   * asked for, and may be overwritten when the next one is.
   *
   * Everything is checked before the first piece is given: none comes of a message that is gone or damaged by then, and
   * what the message says of itself is certain only once one has come. Throws `storage_error` when the message goes, or
   * turns out to be damaged, before its last piece.
   */
  pieces(): AsyncIterable<Uint8Array>;
}

export interface AckResult {
  readonly deleted: number;
  readonly missing: number;
  /** Live messages in the mailbox afterwards. */
  readonly remaining: number;
}

/** Figures for operators; none names a mailbox. */
export interface StoreFigures {
  readonly messages: number;
  /** Payload bytes of all messages. */
  readonly bytes: number;
  readonly mailboxes: number;
  /** Remembered acks. */
  readonly memories: number;
  /** How long the message that is longest overdue has been due, in milliseconds; 0 when none is. */
  readonly sweepLagMs: number;
  readonly disk?: DiskFigures;
}

export interface DiskFigures {
  /** Bytes of all files of the store. */
  readonly fileBytes: number;
  readonly segments: number;
  readonly batches: number;
  /** Time spent in write and flush, in seconds, over all batches. */
  readonly flushSeconds: number;
  readonly flushFailures: number;
  /** Messages that were found damaged since the start. */
  readonly damaged: number;
  /** Bytes that wait to be written. */
  readonly backlogBytes: number;
  /** Whether the disk is full, and pushes are refused. */
  readonly full: boolean;
  /** Whether the disk fails, and nothing is taken. */
  readonly broken: boolean;
}

/** What a store is told at open. Infinity where there is no bound. */
export interface StoreLimits {
  readonly messageTtlMs: bigint;
  readonly dedupWindowMs: number;
  readonly messagesPerMailboxMax: number;
  readonly bytesPerMailboxMax: number;
  /** Messages and remembered acks together, over all mailboxes. */
  readonly messagesMax: number;
}

/** Time as a store sees it; injected, so that tests own it. */
export interface Clock {
  /** Unix milliseconds by the wall clock, which may be set. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start; never runs back. */
  monotonicMs(): number;
  /** Calls `run` once, `ms` milliseconds from now, unless the function that it returns is called before. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
