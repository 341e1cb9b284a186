/** One HTTP answer. */
export interface Answer {
  readonly status: number;
  /** The status line and the headers, without the empty line after them. */
  readonly head: string;
  /** Only valid until the reader is given its next piece. */
  readonly body: Buffer;
}

const headEnd = Buffer.from('\r\n\r\n');

/**
 * Reads the answers of one connection, each asked for after the one before: a status line, headers, and a body of
 * `Content-Length` bytes. It knows no more of HTTP than that, as it shares its processors with the server it measures.
 */
export class AnswerReader {
  /** What has come of an answer that is not whole yet; the first `#length` bytes of it count. */
  #kept = Buffer.alloc(0);
  #length = 0;
  /** How long the whole answer is, once its head has been read. */
  #expected: number | undefined;

  /** The answer that this piece completes, or undefined when there is more to come. The piece may be reused after. */
  read(piece: Buffer): Answer | undefined {
    if (this.#length === 0) {
      const answer = this.#parse(piece);
      if (answer !== undefined) return answer;
    }
    this.#keep(piece);
    if (this.#length < (this.#expected ?? 0)) return undefined;
    const answer = this.#parse(this.#kept.subarray(0, this.#length));
    if (answer !== undefined) this.#length = 0;
    return answer;
  }

  #parse(bytes: Buffer): Answer | undefined {
    const bodyAt = bytes.indexOf(headEnd) + headEnd.length;
    if (bodyAt < headEnd.length) return undefined;
    const head = bytes.toString('latin1', 0, bodyAt - headEnd.length);
    this.#expected = bodyAt + contentLength(head);
    if (bytes.length < this.#expected) return undefined;
    if (bytes.length > this.#expected) throw new Error(`bytes after the answer: ${bytes.length}`);
    this.#expected = undefined;
    return { status: Number(head.slice(9, 12)), head, body: bytes.subarray(bodyAt) };
  }

  #keep(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#expected ?? 0));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    piece.copy(this.#kept, this.#length);
    this.#length = length;
  }
}

function contentLength(head: string): number {
  const digits = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (digits === undefined) throw new Error(`an answer without Content-Length: ${head}`);
  return Number(digits);
}
