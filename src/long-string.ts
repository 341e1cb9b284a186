import { decodeBase64InPlace } from './base64.ts';
import { hasLoneSurrogate, parseLiteral, type Refuse, refuseSurrogate, textOf } from './json-string.ts';
import type { Turns } from './slices.ts';

/** How much of long strings is read in one turn of the event loop. */
export const STRING_BYTES = 32_768;

/** Longer texts are not kept. A cursor may have any number of zeros, but not megabytes of them. */
const TEXT_LENGTH_MAX = 2_097_152;

const BACKSLASH = 0x5c;
/** An escape has six characters at most. */
const ESCAPE_BYTES = 6;

/** The inside of a long string, as it stands in the body. To be read once, in one of three ways. */
export class LongString {
  /** Characters that were read of it, as they are written. */
  length = 0;
  readonly #written: Buffer;
  readonly #turns: Turns;

  constructor(written: Buffer, turns: Turns) {
    this.#written = written;
    this.#turns = turns;
  }

  /** What it means. Of what is too long to mean anything, the beginning, and a character that makes nothing of it. */
  async text(refuse: Refuse): Promise<string> {
    let text = '';
    for await (const piece of this.#pieces(refuse)) if (text.length <= TEXT_LENGTH_MAX) text += piece;
    return text.length > TEXT_LENGTH_MAX ? `${text}\ufffd` : text;
  }

  /**
   * The bytes that it stands for, in the body in its place; undefined where it is not canonical base64. What is has no
   * control character, and seldom an escape: not looking for them is what makes large payloads cheap.
   */
  async base64(refuse: Refuse): Promise<Buffer | undefined> {
    const decoded = await decodeBase64InPlace(this.#written);
    if (decoded !== undefined) {
      this.length = this.#written.length;
      return decoded;
    }
    let bytes = 0;
    for await (const piece of this.#pieces(refuse)) bytes += this.#written.write(piece, bytes);
    // It is what was tried already, unless there were escapes, which are longer than what they mean.
    return bytes === this.#written.length ? undefined : decodeBase64InPlace(this.#written.subarray(0, bytes));
  }

  /** Sees that it is a string. */
  async check(refuse: Refuse): Promise<void> {
    const pieces = this.#pieces(refuse);
    while (!(await pieces.next()).done);
  }

  /**
   * What it means. Each piece may be written over once the next one is asked for, and what was before it. As of a short
   * string, what is malformed is told before half a pair, wherever each stands.
   */
  async *#pieces(refuse: Refuse): AsyncGenerator<string, void> {
    const written = this.#written;
    let half = '';
    let isWhole = true;
    for (let at = 0; at < written.length; ) {
      const end = pieceEnd(written, at, at + STRING_BYTES);
      await this.#turns.spend(end - at);
      const text = textOf(written.subarray(at, end));
      this.length += text.length;
      const meant = parseLiteral(`"${text}"`, refuse);
      const value = half + meant;
      const mayBeHalf = half !== '' || meant.length !== text.length;
      // The other half of a pair may be escaped at the start of the next piece.
      half = mayBeHalf && end < written.length && endsInHalf(value) ? value.slice(-1) : '';
      const whole = value.slice(0, value.length - half.length);
      if (mayBeHalf && hasLoneSurrogate(whole)) isWhole = false;
      yield whole;
      at = end;
    }
    if (!isWhole) refuseSurrogate(refuse);
  }
}

/** Whether it ends in the first half of a surrogate pair. */
function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00;
}

/** Where a piece can end: between two characters, and not within an escape. */
function pieceEnd(written: Buffer, from: number, max: number): number {
  if (max >= written.length) return written.length;
  const backslash = written.subarray(max - ESCAPE_BYTES, max).lastIndexOf(BACKSLASH) + max - ESCAPE_BYTES;
  if (backslash >= max - ESCAPE_BYTES) {
    let first = backslash;
    while (first > from && written[first - 1] === BACKSLASH) first--;
    if ((backslash - first) % 2 === 0) return backslash;
  }
  let end = max;
  while (((written[end] as number) & 0xc0) === 0x80) end--;
  return end;
}
