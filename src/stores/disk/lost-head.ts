import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { FRAME_AT, FRAME_BYTES, type Stamp } from './batch.ts';
import { visitBatches } from './layout.ts';
import { bufferFile } from './salvage.ts';
import { openScanner } from './scan.ts';
import { encodeSegmentHead, FIRST_BATCH, type LogPosition } from './segment.ts';

/** Where the log ends before a segment, and what it says there. */
export interface Before extends LogPosition, Stamp {}

/**
 * Gives a segment whose head is lost another one, with a salt of its own; its batches are changed to it in place. False if
 * it holds no batch that is known to be of this life of the file: one of an earlier life has an earlier time and seq.
 */
export async function renewHead(bytes: Buffer, number: number, before: Before | undefined): Promise<boolean> {
  if (bytes.length < FIRST_BATCH + FRAME_BYTES) return false;
  const lostCrc = saltCrcOf(bytes, FIRST_BATCH);
  const file = bufferFile(Buffer.from(bytes));
  const { scanner } = await openScanner(file, bytes.length, lostCrc);
  const first = (await scanner.batchAt(FIRST_BATCH))?.frame;
  if (first === undefined) return false;
  if (before !== undefined && (first.timeMs < before.timeMs || first.nextSeq < before.nextSeq)) return false;
  const salt = randomBytes(16);
  const saltCrc = crc32(salt);
  await visitBatches(scanner, '', undefined, { onDamage() {} }, ({ position }) => {
    const covered = bytes.subarray(position + FRAME_AT.length, position + FRAME_BYTES);
    bytes.writeUInt32LE(crc32(covered, saltCrc), position + FRAME_AT.crc);
  });
  const { segment, position } = before ?? { segment: 0, position: 0 };
  const { oldest, timeMs, nextSeq } = first;
  const flushed = { segment, position };
  const head = { number, bytes: bytes.length, salt, nextSeq, oldest, flushed, timeMs };
  encodeSegmentHead(head).copy(bytes);
  return true;
}

/** The CRC of the salt that a frame was written with: its checksum, run backwards over what it covers. */
function saltCrcOf(bytes: Buffer, at: number): number {
  let state = ~bytes.readUInt32LE(at + FRAME_AT.crc);
  for (let next = at + FRAME_BYTES - 1; next >= at + FRAME_AT.length; next--) {
    const index = indexByTop[state >>> 24] as number;
    state = ((state ^ (table[index] as number)) << 8) | (index ^ bytes.readUInt8(next));
  }
  return ~state >>> 0;
}

/** The table by which a CRC-32 takes in a byte; no two of its entries have the same top byte. */
const table = Array.from({ length: 256 }, (_, byte) => ~crc32(Buffer.of(byte), 0xffff_ffff) >>> 0);
const indexByTop: number[] = [];
for (const [index, entry] of table.entries()) indexByTop[entry >>> 24] = index;
