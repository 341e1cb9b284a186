import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from './base64.ts';
import { U64_MAX } from './message.ts';

/** Where a page ended, as clients carry it: `base64("{recipient}:{seq as 20 digits}")`, opaque to them. */
export interface Cursor {
  readonly recipient: string;
  readonly seq: number;
}

export function encodeCursor({ recipient, seq }: Cursor): string {
  return Buffer.from(`${recipient}:${String(seq).padStart(20, '0')}`).toString('base64');
}

/**
 * Undefined for what is no cursor. The seq may be any from 0 to 2^64−1, with any number of zeros before it; one
 * above every seq that a store can give (2^53−1) means the same as that.
 */
export function decodeCursor(cursor: string): Cursor | undefined {
  const bytes = decodeBase64(cursor);
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  if (colon === -1 || digits === '' || /[^0-9]/.test(digits)) return undefined;
  const significant = digits.replace(/^0+/, '');
  if (significant.length > 20 || BigInt(significant) > U64_MAX) return undefined;
  return { recipient: text.slice(0, colon), seq: Math.min(Number(significant), Number.MAX_SAFE_INTEGER) };
}
