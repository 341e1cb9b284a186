import { ownTurn, SLICE_BYTES } from './slices.ts';

/**
 * The bytes of canonical base64: standard alphabet, padded, no trailing bits, no white space. Undefined for any
 * other text. Comparing what the bytes encode to is the whole check, and a few times faster than looking at the text.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The length of the base64 of so many bytes. */
export function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** Characters that are decoded at once, as they fit into a processor's cache; a multiple of four that divides a slice. */
const PIECE_LENGTH = 16_384;

/**
 * The same for long text in a buffer, in its place and a slice in each turn of the event loop: none of it becomes a long
 * string, and the bytes take no more memory than the text. Text that is no canonical base64 is left as it was.
 */
export async function decodeBase64InPlace(text: Buffer): Promise<Buffer | undefined> {
  const end = text.length - 4;
  const lastBytes = end % 4 === 0 ? decodeBase64(text.toString('latin1', end))?.length : undefined;
  if (lastBytes === undefined) return undefined;
  const bytesMax = end * 0.75 + lastBytes;
  let length = 0;
  for (let at = 0; at < text.length; at += PIECE_LENGTH) {
    if (at > 0 && at % SLICE_BYTES === 0) await ownTurn();
    const piece = text.toString('latin1', at, at + PIECE_LENGTH);
    length += text.write(piece, length, 'base64');
    // Node passes over what it does not know, and so finds too few bytes, but it knows the URL-safe alphabet too.
    const isWhole = length === Math.min(bytesMax, (at + PIECE_LENGTH) * 0.75);
    if (!isWhole || piece.includes('-') || piece.includes('_')) {
      text.write(piece, at, 'latin1');
      await encodeInPlace(text, at);
      return undefined;
    }
  }
  return text.subarray(0, length);
}

/** Puts text back up to an end, a whole number of pieces, from the bytes in its place: the last piece first, as it is longer than they. */
async function encodeInPlace(text: Buffer, end: number): Promise<void> {
  for (let at = end - PIECE_LENGTH; at >= 0; at -= PIECE_LENGTH) {
    text.write(text.toString('base64', at * 0.75, (at + PIECE_LENGTH) * 0.75), at, 'latin1');
    if (at % SLICE_BYTES === 0) await ownTurn();
  }
}
