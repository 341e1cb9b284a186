import { isAscii } from 'node:buffer';

/** Refuses a string, by the name of its field. */
export interface Refuse {
  fail(what: string): never;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** What a string means that is given with its quotes. */
export function unquote(quoted: string, refuse: Refuse): string {
  const value = parseLiteral(quoted, refuse);
  // The body is UTF-8, so only an escape can leave half a pair, and every escape is longer than what it means.
  if (value.length !== quoted.length - 2 && hasLoneSurrogate(value)) refuseSurrogate(refuse);
  return value;
}

export function hasLoneSurrogate(value: string): boolean {
  return LONE_SURROGATE.test(value);
}

export function refuseSurrogate(refuse: Refuse): never {
  return refuse.fail('has a lone surrogate');
}

/** For a single string `JSON.parse` is as strict as it should be, and native. */
export function parseLiteral(quoted: string, refuse: Refuse): string {
  try {
    return JSON.parse(quoted);
  } catch {
    return refuse.fail('has a control character or a wrong escape in a string');
  }
}

/** The text of UTF-8, which is faster where it is ASCII. */
export function textOf(bytes: Buffer): string {
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}
