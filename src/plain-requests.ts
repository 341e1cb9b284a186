import type { RequestHead } from './api.ts';
import { type PlainHead, readPlainHead } from './plain-head.ts';

/** A plain request, up to its body. */
export interface PlainRequest {
  readonly head: RequestHead;
  readonly headBytes: number;
  readonly bodyBytes: number;
}

/** A short pull that came by itself and in one piece. */
interface KeptPull extends PlainRequest {
  /** All of it, as Latin-1: a buffer kept for long would pin a crumb in memory that is used for what is read. */
  readonly text: string;
}

/** What an idle connection may hold of its last pull. */
const KEPT_BYTES_MAX = 1_024;

/** Reads the requests of a connection, for which it keeps some in mind: clients that wait for messages send the same pull again and again. */
export class PlainRequests {
  readonly #peer: string;
  #plainHead: PlainHead | undefined;
  #kept: KeptPull | undefined;

  constructor(peer: string) {
    this.#peer = peer;
  }

  /** The request that these bytes begin with; undefined where it is not plain, or its head is not whole. */
  read(bytes: Buffer): PlainRequest | undefined {
    const kept = this.#kept;
    if (bytes.length === kept?.text.length && bytes.toString('latin1') === kept.text) return kept;
    const plain = readPlainHead(bytes, this.#plainHead);
    if (plain === undefined) return undefined;
    this.#plainHead = plain;
    const { target, headers, text, bodyBytes } = plain;
    const headBytes = text.length;
    const isKept =
      target === '/pull' && bytes.length === headBytes + bodyBytes && bytes.length <= KEPT_BYTES_MAX;
    const head = { method: 'POST', target, headers, peer: this.#peer, memo: isKept ? {} : undefined };
    const request = { head, headBytes, bodyBytes };
    if (isKept) this.#kept = { ...request, text: bytes.toString('latin1') };
    return request;
  }
}
