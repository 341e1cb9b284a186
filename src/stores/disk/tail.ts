import { crc32 } from 'node:zlib';
import { type Batch, padded, type Stamp } from './batch.ts';
import { type File, type Files, writeWhole } from './files.ts';
import type { Recent } from './recent.ts';
import {
  encodeSegmentHead,
  FIRST_BATCH,
  IndexBuilder,
  SEAL_BYTES,
  type SegmentHead,
  segmentName,
} from './segment.ts';

/** The segment that is being written. */
export class Tail {
  readonly number: number;
  readonly #bytes: number;
  readonly #file: File;
  readonly #saltCrc: number;
  readonly #index: IndexBuilder;
  readonly #recent: Recent;
  readonly #leavesRoom: boolean;
  /** Where the next batch begins. */
  #end: number;

  /**
   * Goes on behind the last batch of a file that is open for writing, which ends at `end`. `leavesRoom`: for an index, which is
   * kept otherwise only where it fits behind the last batch.
   */
  constructor(
    { number, bytes, salt }: SegmentHead,
    file: File,
    recent: Recent,
    { end = FIRST_BATCH, leavesRoom = false } = {},
  ) {
    this.number = number;
    this.#bytes = bytes;
    this.#file = file;
    this.#saltCrc = crc32(salt);
    this.#index = new IndexBuilder(bytes);
    this.#recent = recent;
    this.#end = end;
    this.#leavesRoom = leavesRoom;
    if (end !== FIRST_BATCH) this.#index.giveUp();
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes that still fit in front of the seal, if the index becomes as large a part of them as of those before. */
  get remaining(): number {
    const left = this.#bytes - this.#end;
    const { sealBytes } = this.#index;
    if (!this.#leavesRoom || sealBytes === 0) return left - SEAL_BYTES;
    const sealShare = sealBytes / (this.#end - FIRST_BATCH);
    const room = Math.max(0, Math.min(left - SEAL_BYTES, Math.floor((left - sealBytes) / (1 + sealShare))));
    // A batch that is too large for a long rest costs the index, not the rest.
    return room > this.#bytes / 6 ? left - SEAL_BYTES : room;
  }

  /** Writes a batch and flushes it; resolves with where it begins. After a failure the file takes nothing more. */
  async append(batch: Batch, stamp: Stamp): Promise<number> {
    const position = this.#end;
    const pieces = batch.encode(stamp, this.#saltCrc);
    await writeWhole(this.#file, pieces, position);
    await this.#file.flush();
    this.#recent.add(this.number, position, pieces);
    this.#index.add(position, batch.outlineBytes, () => batch.outline());
    this.#end += padded(batch.length);
    return position;
  }

  /** Writes what says that a successor is there. Without it the segment is as good; a start only takes longer. */
  async seal(): Promise<void> {
    const seal = this.#index.seal(this.#saltCrc, this.#bytes - this.#end);
    await writeWhole(this.#file, [seal], this.#bytes - seal.length);
    await this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Makes a prepared file that is open for writing, of the length that the head says, the segment of a number. Neither name is left
 * by a failure.
 */
export async function beginSegment(
  files: Files,
  prepared: { readonly name: string; readonly file: File },
  head: SegmentHead,
  recent: Recent,
  leavesRoom: boolean,
): Promise<Tail> {
  const name = segmentName(head.number);
  const { file } = prepared;
  let linked = false;
  try {
    await writeWhole(file, [encodeSegmentHead(head)], 0);
    await file.flush();
    await files.link(prepared.name, name);
    linked = true;
    await files.flushDirectory();
    await files.unlink(prepared.name);
  } catch (error) {
    await file.close().catch(() => {});
    await files.unlink(prepared.name).catch(() => {});
    if (linked) await files.unlink(name).catch(() => {});
    throw error;
  }
  return new Tail(head, file, recent, { leavesRoom });
}
