import { textOf } from './json-string.ts';
import { LongString, STRING_BYTES } from './long-string.ts';
import { ownTurn, SLICE_BYTES, Turns } from './slices.ts';

/** Nothing in the text of a long body is longer: no string, no run of white space or of digits. */
export const RUN_BYTES = 512;
/** How much of a body is read in one turn of the event loop: a millisecond's work, whatever stands in it. */
const PIECE_BYTES = 16_384;
/** What stays of a long run: of white space enough to part what it parts, of digits too many for any integer. */
const KEPT_BYTES = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What runs can consist of, by byte. */
const runOf = new Uint8Array(256);
for (const byte of Buffer.from(' \t\r\n')) runOf[byte] = 1;
for (const byte of Buffer.from('0123456789')) runOf[byte] = 2;

/**
 * The text of a long body, a piece in each turn of the event loop, without what is long in it. So a few thousand
 * characters hold the next few tokens in any case, and what reads them need not stop in the middle of one. Pieces end
 * between tokens.
 */
export class LongText {
  readonly #body: Buffer;
  readonly #turns = new Turns(STRING_BYTES);
  /** Where the next piece starts in the body, and in the text. */
  #at = 0;
  #given = 0;
  /** What is left out, by where in the text: characters of a run, or the inside of a string, whose quotes are there. */
  readonly #leftOut = new Map<number, number | LongString>();

  constructor(body: Buffer) {
    this.#body = body;
  }

  get isOver(): boolean {
    return this.#at >= this.#body.length;
  }

  async next(): Promise<string> {
    await this.#turns.next();
    const body = this.#body;
    const pieceEnd = Math.min(this.#at + PIECE_BYTES, body.length);
    let text = '';
    let from = this.#at;
    for (let at = from; at < pieceEnd; this.#at = at) {
      const start = at;
      const longest = Math.min(start + RUN_BYTES, body.length);
      at = tokenEnd(body, start, longest);
      if (at < longest || at >= body.length) continue;
      const isString = body[start] === QUOTE;
      at = await (isString ? closingQuote(body, start + 1) : runEnd(body, at));
      const kept = start + (isString ? 1 : KEPT_BYTES);
      text += textOf(body.subarray(from, kept));
      const leftOut = isString ? new LongString(body.subarray(kept, at), this.#turns) : at - kept;
      // Without its end a string is malformed, whatever is in it.
      if (!isString || at < body.length) this.#leftOut.set(this.#given + text.length, leftOut);
      from = at;
      if (isString) at++;
    }
    text += textOf(body.subarray(from, this.#at));
    this.#given += text.length;
    return text;
  }

  /** The long string whose inside was left out there. */
  stringAt(place: number): LongString | undefined {
    const leftOut = this.#leftOut.get(place);
    return typeof leftOut === 'object' ? leftOut : undefined;
  }

  /** How many characters were left out up to a place; of strings those that have been read. */
  leftOutBefore(place: number): number {
    let length = 0;
    for (const [at, leftOut] of this.#leftOut) {
      if (at <= place) length += typeof leftOut === 'object' ? leftOut.length : leftOut;
    }
    return length;
  }
}

/** Where a string or run ends, or about `max` if it goes on there. Anything else is as good as one byte. */
function tokenEnd(body: Buffer, start: number, max: number): number {
  if (body[start] === QUOTE) return quoteFrom(body, start + 1, max) + 1;
  const run = runOf[body[start] as number];
  let at = start + 1;
  if (run !== 0) while (at < max && runOf[body[at] as number] === run) at++;
  return at;
}

/** The next quote that is not escaped, or about `max`, where no escape goes on. */
function quoteFrom(body: Buffer, from: number, max: number): number {
  let at = from;
  while (at < max && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}

async function closingQuote(body: Buffer, from: number): Promise<number> {
  const quote = body.indexOf(QUOTE, from);
  if (quote === -1) return body.length;
  if (!body.subarray(from, quote).includes(BACKSLASH)) return quote;
  let at = from;
  for (;;) {
    at = quoteFrom(body, at, Math.min(at + SLICE_BYTES, body.length));
    if (at >= body.length) return body.length;
    if (body[at] === QUOTE) return at;
    await ownTurn();
  }
}

async function runEnd(body: Buffer, from: number): Promise<number> {
  let at = from;
  for (;;) {
    const sliceEnd = Math.min(at + SLICE_BYTES, body.length);
    at = tokenEnd(body, at - 1, sliceEnd);
    if (at < sliceEnd || at === body.length) return at;
    await ownTurn();
  }
}
