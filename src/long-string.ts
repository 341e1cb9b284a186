import { isAscii } from 'node:buffer';

/** Strings longer than this are left in the body. */
export const LONG_BYTES = 65_536;
/** How many strings are looked at to find one: bodies of ours have few. */
const STRINGS_MAX = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where the inside of a string stands in a body. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** The first long string of a JSON text, if no escape comes before its end. */
export function findLongString(body: Buffer): Place | undefined {
  if (body.length <= LONG_BYTES) return undefined;
  const backslash = body.indexOf(BACKSLASH);
  let open = body.indexOf(QUOTE);
  for (let strings = 0; strings < STRINGS_MAX && open !== -1; strings++) {
    const close = body.indexOf(QUOTE, open + 1);
    if (close === -1 || (backslash !== -1 && backslash < close)) return undefined;
    if (close - open > LONG_BYTES) return { from: open + 1, to: close };
    open = body.indexOf(QUOTE, close + 1);
  }
  return undefined;
}

/** The inside of a long string, which is left out of the text that is read. */
export interface LongString {
  /** As it stands in the body, until it is decoded there. */
  readonly written: Buffer;
  decoded: Buffer | undefined;
  /** Where its closing quote stands in the text without it. */
  readonly at: number;
}

/** As it was written. */
export function longText({ written, decoded }: LongString): string {
  return decoded?.toString('base64') ?? textOf(written);
}

/** The text of UTF-8, which is faster where it is ASCII. */
export function textOf(bytes: Buffer): string {
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}
