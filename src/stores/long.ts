import type { PageLimit } from './store.ts';

/** Of a payload that is read in pieces. A multiple of three, so that each has base64 of its own, and of four, as base64 text is. */
export const PIECE_BYTES = 196_608;

/** Whether a message of a page with this limit is given in pieces; it is the page's only one then. */
export function isLong(payloadBytes: number, { bytesMax, wholeBytesMax = Infinity }: PageLimit): boolean {
  return payloadBytes > wholeBytesMax && payloadBytes > bytesMax;
}
