import type { IncomingHttpHeaders } from 'node:http';
import { RelayError } from './errors.ts';

/** What is known of a request before its body is read. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it was sent: a path with its query, or an absolute URL. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The peer's address. */
  readonly peer: string;
  /** There where the same head is given again for a request of the same bytes: what was read of its body may be kept here. */
  readonly memo?: Memo | undefined;
}

export interface Memo {
  fields?: unknown;
}

const contentEncodings = ['identity', 'gzip', 'deflate', 'br'] as const;
export type ContentEncoding = (typeof contentEncodings)[number];

/** The path of a request target: without its query, and without scheme and host where it is an absolute URL. */
export function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]+/i, '');
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** Node joins several headers of this name with commas. */
export function forwardedFor(headers: IncomingHttpHeaders): string | undefined {
  return headers['x-forwarded-for'] as string | undefined;
}

const JSON_TYPE =
  /^(?:(?:application|text)\/json|[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+\+json)[ \t]*(?:;|$)/i;

/** Throws `invalid_input`. */
export function checkContentType(type: string | undefined): void {
  if (type === 'application/json' || (type !== undefined && JSON_TYPE.test(type))) return;
  throw new RelayError('invalid_input', 'content-type must be application/json');
}

/** Throws `invalid_input`. */
export function contentEncodingOf(header: string | undefined): ContentEncoding {
  if (header === undefined) return 'identity';
  const name = header.toLowerCase();
  const encoding = contentEncodings.find((known) => known === name);
  if (encoding !== undefined) return encoding;
  throw new RelayError('invalid_input', `content-encoding must be one of ${contentEncodings.join(', ')}`);
}
