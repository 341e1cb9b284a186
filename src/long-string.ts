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
