/** The head of a plain request, and how much is to follow it. */
export interface PlainHead {
  readonly target: string;
  /** Those that mean something to the relay. */
  readonly headers: PlainHeaders;
  /** All of it, to its empty line. */
  readonly text: string;
  readonly bodyBytes: number;
}

type PlainHeaders = Record<
  'host' | 'content-length' | 'content-type' | 'x-forwarded-for',
  string | undefined
>;

/** Longer heads are not plain. */
const HEAD_BYTES_MAX = 4_096;

const EMPTY_LINE = Buffer.from('\r\n\r\n');

const requestLines = ['/push', '/pull', '/ack'].map((target) => ({
  target,
  text: `POST ${target} HTTP/1.1\r\n`,
}));

/** A header as every client writes it: visible ASCII, one space after the colon, none at the end. */
const HEADER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)\r\n/y;
const LENGTH = /^[1-9][0-9]{0,9}$/;

/** What changes how a request is read, how it is answered, or how its connection goes on. */
const notPlain: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Reads the head that these bytes begin with, where it is whole and plain: a `POST` of one of the three operations,
 * with one Host, one Content-Length and nothing else that says how to go about it. Undefined in any doubt. What is read
 * here, node's own parser reads in the same way.
 *
 * `last` is the connection's head before this one: clients send the same one again and again.
 */
export function readPlainHead(bytes: Buffer, last?: PlainHead): PlainHead | undefined {
  if (last !== undefined && bytes.toString('latin1', 0, last.text.length) === last.text) return last;
  const end = bytes.indexOf(EMPTY_LINE) + EMPTY_LINE.length;
  if (end < EMPTY_LINE.length || end > HEAD_BYTES_MAX) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const line = requestLines.find((known) => text.startsWith(known.text));
  if (line === undefined) return undefined;

  const headers: PlainHeaders = {
    host: undefined,
    'content-length': undefined,
    'content-type': undefined,
    'x-forwarded-for': undefined,
  };
  let at = line.text.length;
  while (at < end - 2) {
    HEADER.lastIndex = at;
    const [header, written = '', value] = HEADER.exec(text) ?? [];
    if (header === undefined) return undefined;
    at += header.length;
    const name = written.toLowerCase();
    if (notPlain.has(name)) return undefined;
    if (!Object.hasOwn(headers, name)) continue;
    if (headers[name as keyof PlainHeaders] !== undefined) return undefined;
    headers[name as keyof PlainHeaders] = value;
  }

  const length = headers['content-length'];
  if (headers.host === undefined || length === undefined || !LENGTH.test(length)) return undefined;
  return { target: line.target, headers, text, bodyBytes: Number(length) };
}
