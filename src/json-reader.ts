import { isUtf8 } from 'node:buffer';
import { decodeBase64, decodeBase64InPlace } from './base64.ts';
import { RelayError } from './errors.ts';
import { findLongString, type LongString, longText, textOf } from './long-string.ts';
import { U32_MAX, U64_MAX } from './message.ts';

/** How deep a value may nest where any value may be. */
const NESTING_MAX = 128;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** A string that means what is written. */
const PLAIN = /^"[^\\\p{Cc}]*"$/u;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A place in a JSON text. Strings that it gives out are copies: none keeps the body alive. */
export class JsonReader {
  /** The known field that is being read, for messages; undefined for the body as a whole and unknown fields. */
  field: string | undefined;
  /** The body, without the inside of its long string. */
  readonly #text: string;
  #at = 0;
  /** What is left out of the text. */
  readonly #long: LongString | undefined;

  constructor(body: Buffer) {
    if (!isUtf8(body)) this.fail('is not UTF-8');
    const place = findLongString(body);
    if (place === undefined) {
      this.#text = textOf(body);
    } else {
      const before = textOf(body.subarray(0, place.from));
      this.#text = before + textOf(body.subarray(place.to));
      this.#long = { written: body.subarray(place.from, place.to), decoded: undefined, at: before.length };
    }
  }

  /** Decodes the long string over several turns, if it is base64: the bytes stand in the body, in place of it. */
  async decodeLongString(): Promise<void> {
    if (this.#long !== undefined) this.#long.decoded = await decodeBase64InPlace(this.#long.written);
  }

  /** Goes into an object or array; whether it has an element. */
  enter(open: '{' | '[', close: '}' | ']', what: string): boolean {
    if (this.#peek() !== open) this.fail(`must be ${what}`);
    this.#at++;
    if (this.#peek() !== close) return true;
    this.#at++;
    return false;
  }

  /** Goes on past an element; whether another one follows. */
  next(close: '}' | ']'): boolean {
    const mark = this.#peek();
    if (mark !== ',' && mark !== close) this.#malformed();
    this.#at++;
    return mark === ',';
  }

  key(): string {
    this.field = undefined;
    if (this.#peek() !== '"') this.#malformed();
    const quoted = this.#quoted();
    // A key is compared and forgotten, so it may stay a part of the text.
    const key = PLAIN.test(quoted) ? quoted.slice(1, -1) : this.#unquote(quoted);
    this.#colon();
    return key;
  }

  /** Takes a key, given with its quotes, if it comes next as it is written there. */
  takesKey(quoted: string): boolean {
    this.#peek();
    if (!this.#text.startsWith(quoted, this.#at)) return false;
    this.field = undefined;
    this.#at += quoted.length;
    this.#colon();
    return true;
  }

  string(): string {
    return this.#unquote(this.#quoted());
  }

  /**
   * The bytes that a string stands for; undefined where it is not canonical base64. Text that is canonical holds no
   * escape and no control character: not looking for them is what makes large payloads cheap.
   */
  base64(): Buffer | undefined {
    const decoded = this.#longHere()?.decoded;
    const quoted = this.#quoted(decoded !== undefined);
    if (decoded !== undefined) return decoded;
    return decodeBase64(quoted.slice(1, -1)) ?? decodeBase64(this.#unquote(quoted));
  }

  u32(): number {
    return Number(this.#integer(U32_MAX));
  }

  u64(): bigint {
    return BigInt(this.#integer(U64_MAX));
  }

  /** Takes a null, if that is what comes. */
  isNull(): boolean {
    return this.#peek() === 'n' && this.#word('null');
  }

  /** Passes over a value of any kind. */
  skip(depth = 0): void {
    if (depth === NESTING_MAX) this.fail('is nested too deeply');
    switch (this.#peek()) {
      case '{':
        for (let more = this.enter('{', '}', 'an object'); more; more = this.next('}')) {
          this.key();
          this.skip(depth + 1);
        }
        return;
      case '[':
        for (let more = this.enter('[', ']', 'an array'); more; more = this.next(']')) this.skip(depth + 1);
        return;
      case '"':
        this.string();
        return;
      case 't':
        this.#word('true');
        return;
      case 'f':
        this.#word('false');
        return;
      case 'n':
        this.#word('null');
        return;
      default:
        if (this.#number() === '') this.#malformed();
    }
  }

  /** Only white space may be left. */
  end(): void {
    if (this.#peek() !== undefined) this.#malformed();
  }

  fail(what: string): never {
    throw new RelayError('invalid_input', `${this.field ?? 'body'} ${what}`);
  }

  #colon(): void {
    if (this.#peek() !== ':') this.#malformed();
    this.#at++;
  }

  #malformed(): never {
    const isBehind = this.#long !== undefined && this.#at >= this.#long.at;
    const left = isBehind ? longText(this.#long).length : 0;
    this.fail(`is malformed JSON at character ${this.#at + left}`);
  }

  /** The next character that is not white space; undefined at the end. */
  #peek(): string | undefined {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      code = this.#text.charCodeAt(++this.#at);
    }
    return this.#text[this.#at];
  }

  #word(word: string): true {
    if (!this.#text.startsWith(word, this.#at)) this.#malformed();
    this.#at += word.length;
    return true;
  }

  /** The long string, if that is what comes. */
  #longHere(): LongString | undefined {
    return this.#peek() === '"' && this.#at + 1 === this.#long?.at ? this.#long : undefined;
  }

  /** A string as it is written, quotes and all, or as `""` where it is known already; its inside is not checked. */
  #quoted(isKnown = false): string {
    const long = isKnown ? undefined : this.#longHere();
    if (this.#peek() !== '"') this.fail('must be a string');
    let end = this.#at;
    do end = this.#text.indexOf('"', end + 1);
    while (end !== -1 && this.#isEscaped(end));
    if (end === -1) this.#malformed();
    const quoted = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return long === undefined ? quoted : `"${longText(long)}"`;
  }

  #isEscaped(at: number): boolean {
    let start = at;
    while (this.#text[start - 1] === '\\') start--;
    return (at - start) % 2 === 1;
  }

  #unquote(quoted: string): string {
    const value = this.#parseLiteral(quoted);
    // The body is UTF-8, so only an escape can leave half a pair, and every escape is longer than what it means.
    if (value.length !== quoted.length - 2 && LONE_SURROGATE.test(value)) this.fail('has a lone surrogate');
    return value;
  }

  /** For a single string `JSON.parse` is as strict as it should be, and native. */
  #parseLiteral(quoted: string): string {
    try {
      return JSON.parse(quoted);
    } catch {
      return this.fail('has a control character or a wrong escape in a string');
    }
  }

  /** An integer without more digits than a number can hold, as nearly all are; undefined for any other value. */
  #shortInteger(): number | undefined {
    this.#peek();
    let at = this.#at;
    let value = 0;
    let code = this.#text.charCodeAt(at);
    for (; code >= 0x30 && code <= 0x39; code = this.#text.charCodeAt(++at)) value = 10 * value + code - 0x30;
    const digits = at - this.#at;
    const isWhole = code === 0x2c || code === 0x7d;
    const isPadded = digits > 1 && this.#text[this.#at] === '0';
    if (!isWhole || digits === 0 || digits > 15 || isPadded) return undefined;
    this.#at = at;
    return value;
  }

  /** An integer that is written in digits only, and no more of them than u64 has. */
  #integer(max: number | bigint): number | bigint {
    let value: number | bigint | undefined = this.#shortInteger();
    if (value === undefined) {
      const written = this.#number();
      if (/^[0-9]{1,20}$/.test(written)) value = BigInt(written);
    }
    if (value === undefined || value > max) this.fail(`must be an integer from 0 to ${max}`);
    return value;
  }

  /** A number as it is written; empty where none comes. */
  #number(): string {
    this.#peek();
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) return '';
    const start = this.#at;
    this.#at = NUMBER.lastIndex;
    return this.#text.slice(start, this.#at);
  }
}
