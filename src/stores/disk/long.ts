import { crc32 } from 'node:zlib';
import { RelayError } from '../../errors.ts';
import type { Expiry } from '../expiry.ts';
import { PIECE_BYTES } from '../long.ts';
import type { Slots } from '../mailboxes/slots.ts';
import type { LongMessage } from '../store.ts';
import type { FailedReads } from './failed-reads.ts';
import type { File } from './files.ts';
import { type KeptRecord, wantedRecord } from './kept-record.ts';
import { HEAD_BYTES_MAX } from './record.ts';
import type { Segments } from './segments.ts';

/** What messages are read with that are too long to be read whole. */
export interface LongParts {
  readonly slots: Slots;
  readonly segments: Segments;
  readonly failedReads: FailedReads;
  readonly expiry: Expiry;
  /** Runs a job that a close waits for; throws `storage_error` after it. */
  readonly operate: <Result>(job: () => Promise<Result>) => Promise<Result>;
  readonly onDamage: (slot: number) => void;
}

/** A live message, its payload still to be read; undefined if it is gone by now, or not what its slot says. */
export function openLong(
  parts: LongParts,
  slot: number,
  recipient: string,
): Promise<LongMessage | undefined> {
  return new LongRecord(parts, slot, recipient).open();
}

/** A record that is looked up anew for each piece: its message may be gone by then, or the cleaner have moved it. */
class LongRecord {
  readonly #parts: LongParts;
  readonly #slot: number;
  readonly #recipient: string;
  readonly #seq: number;
  readonly #bytes: number;

  constructor(parts: LongParts, slot: number, recipient: string) {
    this.#parts = parts;
    this.#slot = slot;
    this.#recipient = recipient;
    this.#seq = parts.slots.seq.get(slot);
    this.#bytes = parts.slots.recordBytes.get(slot);
  }

  async open(): Promise<LongMessage | undefined> {
    const payloadBytes = this.#parts.slots.payloadBytes.get(this.#slot);
    const length = Math.min(this.#bytes - payloadBytes, HEAD_BYTES_MAX);
    const start = await this.#read(Buffer.allocUnsafeSlow(length), 0);
    const wanted = { seq: this.#seq, recipient: this.#recipient, bytes: this.#bytes };
    const record = start && wantedRecord(start, 0, wanted);
    if (record === undefined) {
      this.#reportDamage();
      return undefined;
    }
    const { payload: _, ...said } = record.message();
    return { ...said, payloadBytes, pieces: () => this.#pieces(record) };
  }

  async *#pieces(record: KeptRecord): AsyncGenerator<Buffer> {
    const { headBytes, expectedPayloadCrc } = record;
    if (!(await this.#isWhole(headBytes, expectedPayloadCrc))) return this.#reportDamage();
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let crc = 0;
    for (let at = headBytes; at < this.#bytes; at += PIECE_BYTES) {
      const piece = await this.#piece(buffer, at);
      if (piece !== undefined) crc = crc32(piece, crc);
      const isLast = at + PIECE_BYTES >= this.#bytes;
      if (piece === undefined || (isLast && crc !== expectedPayloadCrc)) {
        this.#reportDamage();
        if (at === headBytes) return;
        throw new RelayError('storage_error');
      }
      yield record.payloadOf(piece);
    }
  }

  async #isWhole(headBytes: number, expectedCrc: number): Promise<boolean> {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let crc = 0;
    for (let at = headBytes; at < this.#bytes; at += PIECE_BYTES) {
      const piece = await this.#piece(buffer, at);
      if (piece === undefined) return false;
      crc = crc32(piece, crc);
    }
    return crc === expectedCrc;
  }

  #piece(buffer: Buffer, at: number): Promise<Buffer | undefined> {
    return this.#parts.operate(() => this.#read(buffer.subarray(0, this.#bytes - at), at));
  }

  /**
   * Fills a buffer from so far into the record; undefined if the message is gone, or the disk has given nothing but errors
   * for so long that it counts as lost.
   */
  async #read(into: Buffer, at: number): Promise<Buffer | undefined> {
    const { slots, segments, expiry, failedReads } = this.#parts;
    const bytes = await expiry.whenNoneIsDue(this.#recipient, async () => {
      if (!this.#isLive) return 0;
      const place = slots.positionOf(this.#slot);
      const read = (file: File): Promise<number> =>
        file.read(into, place.position + at).catch((error) => {
          if (failedReads.add(place)) return 0;
          throw error;
        });
      return segments.use(place.segment, read);
    });
    return bytes === into.length ? into : undefined;
  }

  /** What is not read of a message that is still there is damaged. */
  #reportDamage(): void {
    if (this.#isLive) this.#parts.onDamage(this.#slot);
  }

  /** Whether its slot has not become another's. */
  get #isLive(): boolean {
    return this.#parts.slots.isMessage(this.#slot, this.#seq);
  }
}
