import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from './base64.ts';
import { RelayError } from './errors.ts';
import { textOf, unquote } from './json-string.ts';
import type { LongString } from './long-string.ts';
import { LongText, RUN_BYTES } from './long-text.ts';
import { U32_MAX, U64_MAX } from './message.ts';

/** From one element to the next it is a dozen tokens and runs of white space at most, with all that ends in between. */
const AHEAD_LENGTH = 16 * RUN_BYTES;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** A string that means what is written. */
const PLAIN = /^"[^\\\p{Cc}]*"$/u;

/**
 * A place in a JSON text. Strings that it gives out are copies: none keeps the body alive.
 *
 * Of a long body that is read in turns, only a part of the text is there, enough for the next element, and long strings
 * are left out of it. So what can be long is a promise then; in any other body there is nothing to wait for.
 */
export class JsonReader {
  /** The known field that is being read, for messages; undefined for the body as a whole and unknown fields. */
  field: string | undefined;
  #text = '';
  #at = 0;
  /** Characters that stood before the text. */
  #gone = 0;
  readonly #long: LongText | undefined;

  constructor(body: Buffer, inTurns = false) {
    if (!isUtf8(body)) this.fail('is not UTF-8');
    if (inTurns) this.#long = new LongText(body);
    else this.#text = textOf(body);
  }

  /** Whether text is to come that the next element may need. */
  get isLow(): boolean {
    return this.#long !== undefined && this.#text.length - this.#at < AHEAD_LENGTH && !this.#long.isOver;
  }

  /** Sees that what the next element may need is there, in turns of the event loop. */
  async goOn(): Promise<void> {
    while (this.isLow) {
      const more = await this.#long?.next();
      this.#gone += this.#at;
      this.#text = this.#text.slice(this.#at) + more;
      this.#at = 0;
    }
  }

  /** The next character that is not white space; undefined at the end. */
  peek(): string | undefined {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      code = this.#text.charCodeAt(++this.#at);
    }
    return this.#text[this.#at];
  }

  /** Goes into an object or array; whether it has an element. */
  enter(open: '{' | '[', close: '}' | ']', what: string): boolean {
    if (this.peek() !== open) this.fail(`must be ${what}`);
    this.#at++;
    if (this.peek() !== close) return true;
    this.#at++;
    return false;
  }

  /** Goes on past an element; whether another one follows. */
  next(close: '}' | ']'): boolean {
    const mark = this.peek();
    if (mark !== ',' && mark !== close) this.#malformed();
    this.#at++;
    return mark === ',';
  }

  /** A key; one that is long is a promise of no key that means anything. */
  key(): string | Promise<void> {
    this.field = undefined;
    if (this.peek() !== '"') this.#malformed();
    const long = this.#longString();
    if (long !== undefined) return long.check(this).then(() => this.#colon());
    const quoted = this.#quoted();
    // A key is compared and forgotten, so it may stay a part of the text.
    const key = PLAIN.test(quoted) ? quoted.slice(1, -1) : unquote(quoted, this);
    this.#colon();
    return key;
  }

  /** Takes a key, given with its quotes, if it comes next as it is written there. */
  takesKey(quoted: string): boolean {
    this.peek();
    if (!this.#text.startsWith(quoted, this.#at)) return false;
    this.field = undefined;
    this.#at += quoted.length;
    this.#colon();
    return true;
  }

  string(): string | Promise<string> {
    return this.#longString()?.text(this) ?? unquote(this.#quoted(), this);
  }

  /**
   * The bytes that a string stands for; undefined where it is not canonical base64. Text that is canonical holds no
   * escape and no control character: not looking for them is what makes large payloads cheap.
   */
  base64(): Buffer | undefined | Promise<Buffer | undefined> {
    const long = this.#longString();
    if (long !== undefined) return long.base64(this);
    const quoted = this.#quoted();
    return decodeBase64(quoted.slice(1, -1)) ?? decodeBase64(unquote(quoted, this));
  }

  u32(): number {
    const value = this.#shortInteger() ?? this.#longInteger();
    if (value === undefined || value > U32_MAX) this.#outOfRange(U32_MAX);
    return Number(value);
  }

  u64(): bigint {
    const short = this.#shortInteger();
    if (short !== undefined) return BigInt(short);
    const value = this.#longInteger();
    if (value === undefined || value > U64_MAX) this.#outOfRange(U64_MAX);
    return value;
  }

  /** Takes a null, if that is what comes. */
  isNull(): boolean {
    return this.peek() === 'n' && this.#word('null');
  }

  /** Passes over a value that is no object or array. */
  skip(): Promise<void> | undefined {
    switch (this.peek()) {
      case '"': {
        const long = this.#longString();
        if (long !== undefined) return long.check(this);
        unquote(this.#quoted(), this);
        return undefined;
      }
      case 't':
        this.#word('true');
        return undefined;
      case 'f':
        this.#word('false');
        return undefined;
      case 'n':
        this.#word('null');
        return undefined;
      default:
        if (this.#number() === '') this.#malformed();
        return undefined;
    }
  }

  /** Only white space may be left. */
  end(): void {
    if (this.peek() !== undefined) this.#malformed();
  }

  fail(what: string): never {
    throw new RelayError('invalid_input', `${this.field ?? 'body'} ${what}`);
  }

  #colon(): void {
    if (this.peek() !== ':') this.#malformed();
    this.#at++;
  }

  #malformed(): never {
    const place = this.#gone + this.#at;
    this.fail(`is malformed JSON at character ${place + (this.#long?.leftOutBefore(place) ?? 0)}`);
  }

  #word(word: string): true {
    if (!this.#text.startsWith(word, this.#at)) this.#malformed();
    this.#at += word.length;
    return true;
  }

  /** The inside of a long string, if that is what comes, which is passed then. */
  #longString(): LongString | undefined {
    if (this.#long === undefined || this.peek() !== '"') return undefined;
    const string = this.#long.stringAt(this.#gone + this.#at + 1);
    if (string !== undefined) this.#at += 2;
    return string;
  }

  /** A string as it is written, quotes and all; its inside is not checked. */
  #quoted(): string {
    if (this.peek() !== '"') this.fail('must be a string');
    let end = this.#at;
    do end = this.#text.indexOf('"', end + 1);
    while (end !== -1 && this.#isEscaped(end));
    if (end === -1) this.#malformed();
    const quoted = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return quoted;
  }

  #isEscaped(at: number): boolean {
    let start = at;
    while (this.#text[start - 1] === '\\') start--;
    return (at - start) % 2 === 1;
  }

  /** An integer without more digits than a number can hold, as nearly all are; undefined for any other value. */
  #shortInteger(): number | undefined {
    this.peek();
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

  /** An integer that is written in digits only, and no more of them than u64 has; undefined for any other value. */
  #longInteger(): bigint | undefined {
    const written = this.#number();
    return /^[0-9]{1,20}$/.test(written) ? BigInt(written) : undefined;
  }

  #outOfRange(max: number | bigint): never {
    return this.fail(`must be an integer from 0 to ${max}`);
  }

  /** A number as it is written; empty where none comes. */
  #number(): string {
    this.peek();
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) return '';
    const start = this.#at;
    this.#at = NUMBER.lastIndex;
    return this.#text.slice(start, this.#at);
  }
}
