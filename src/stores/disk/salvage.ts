import { crc32 } from 'node:zlib';
import { Batch, FRAME_AT, FRAME_BYTES, PAGE_BYTES, padded, type Stamp } from './batch.ts';
import type { File } from './files.ts';
import { ACK, isPush, MEMORY, readHead } from './record.ts';
import { batchesOfIndex, type FoundRecord, openScanner, recordsOf } from './scan.ts';
import { encodeSegmentHead, FIRST_BATCH, SEAL_BYTES, type SegmentHead } from './segment.ts';

/** A segment without what is damaged in it. */
export interface Salvaged {
  readonly bytes: Buffer;
  /** Bytes of batches of which it is not known what all of it was. */
  readonly unknownBytes: number;
}

/**
 * Puts a segment of `bytes` together anew, up to its end: good batches stay where they are, and in the place of a damaged
 * one stands one with what can still be trusted, and empty ones behind it, so that all that points into the segment holds.
 *
 * What the index of the segment or the checksum of a batch vouches for is kept but for messages that are not what they
 * were. Of any other batch messages are kept that their own checksum vouches for; acks have none, so what they deleted may
 * come back rather than that one deletes what it should not.
 */
export async function salvage(bytes: Buffer, head: SegmentHead, end: number): Promise<Salvaged> {
  const saltCrc = crc32(head.salt);
  const { seal, scanner } = await openScanner(bufferFile(bytes), head.bytes, saltCrc);
  const indexed = (seal?.index && batchesOfIndex(seal.index, saltCrc)) ?? [];
  const byPosition = new Map(indexed.map((batch) => [batch.position, batch]));
  const fileBytes = Math.max(head.bytes, end + SEAL_BYTES);
  const rebuilt = Buffer.alloc(fileBytes);
  encodeSegmentHead({ ...head, bytes: fileBytes }).copy(rebuilt);
  let stamp: Stamp = head;
  let unknownBytes = 0;
  let good = FIRST_BATCH;
  for (let position = FIRST_BATCH; position < end; ) {
    const known = (await scanner.batchAt(position)) ?? byPosition.get(position);
    const frame = known?.frame ?? (await scanner.frameAt(position));
    if (frame === undefined && good <= position)
      good = (await scanner.findBatch(position + PAGE_BYTES, end))?.position ?? end;
    const limit = frame === undefined ? good : Math.min(end, position + padded(frame.length));
    const found = known ? { records: recordsOf(known), isSound: true } : walk(bytes, position, limit);
    const next = frame === undefined ? endOf(bytes, found.records, position, limit) : limit;
    if (!found.isSound) unknownBytes += next - position;
    stamp = frame ?? stamp;
    const records: FoundRecord[] = [];
    for (const record of found.records) if (await scanner.isGood(record)) records.push(record);
    put(rebuilt, position, batchOf(records, bytes).encode(stamp, saltCrc));
    for (let page = position + padded(lengthOf(records)); page < next; page += PAGE_BYTES)
      put(rebuilt, page, new Batch(FRAME_BYTES).encode(stamp, saltCrc));
    position = next;
  }
  return { bytes: rebuilt, unknownBytes };
}

/** A file of which every byte is in memory. */
export function bufferFile(bytes: Buffer): File {
  return {
    size: async () => bytes.length,
    read: async (into, position) => bytes.subarray(position, position + into.length).copy(into),
    write: () => Promise.reject(new Error('read only')),
    flush: async () => {},
    close: async () => {},
  };
}

/**
 * The records of a batch whose frame or heads are damaged, as far as one follows the other. It is sound if the heads have
 * the checksum that the frame gives; else only messages are of use.
 */
function walk(
  bytes: Buffer,
  position: number,
  limit: number,
): { readonly records: readonly FoundRecord[]; readonly isSound: boolean } {
  const within = bytes.subarray(0, limit);
  const records: FoundRecord[] = [];
  let headsCrc = 0;
  for (let at = position + FRAME_BYTES; ; ) {
    const head = readHead(within, at);
    if (head === undefined || at + head.headBytes + head.keptBytes > within.length) break;
    headsCrc = crc32(within.subarray(at, at + head.headBytes), headsCrc);
    records.push({ head, position: at });
    at += head.headBytes + head.keptBytes;
  }
  const isSound = records.length > 0 && headsCrc === within.readUInt32LE(position + FRAME_AT.headsCrc);
  return { records: isSound ? records : records.filter(({ head }) => isPush(head)), isSound };
}

/** Where a batch ends of which only the records are there to say so: zeros follow them up to the next page, or `limit`. */
function endOf(bytes: Buffer, records: readonly FoundRecord[], position: number, limit: number): number {
  const last = records.at(-1);
  const at =
    last === undefined ? position + FRAME_BYTES : last.position + last.head.headBytes + last.head.keptBytes;
  const end = Math.min(limit, padded(at));
  return bytes.subarray(at, end).every((byte) => byte === 0) ? end : limit;
}

/** A batch of records that are good where they stand, or whose heads are known. */
function batchOf(records: readonly FoundRecord[], bytes: Buffer): Batch {
  const batch = new Batch(PAGE_BYTES);
  for (const { head, position } of records) {
    if (isPush(head)) {
      batch.addRaw(bytes.subarray(position, position + head.headBytes + head.keptBytes), head.headBytes);
    } else if (head.kind === ACK || head.kind === MEMORY) batch.addAck(head.kind, head);
    else batch.addEnd();
  }
  return batch;
}

function lengthOf(records: readonly FoundRecord[]): number {
  return records.reduce((sum, { head }) => sum + head.headBytes + head.keptBytes, FRAME_BYTES);
}

function put(into: Buffer, position: number, pieces: readonly Uint8Array[]): void {
  Buffer.concat(pieces).copy(into, position);
}
