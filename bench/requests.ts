import { randomBytes } from 'node:crypto';

/** Digits of the last group of a UUID: the part that distinguishes the pushes of one template. */
const COUNTER_DIGITS = 12;

/** The bytes of a request, ready to send. The Host is a constant: no relay looks at it. */
export function post(path: string, body: string): Buffer {
  const head =
    `POST ${path} HTTP/1.1\r\nHost: relay\r\nAccept: */*\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}

export function pullRequest(recipient: string, cursor: string | null = null): Buffer {
  return post('/pull', JSON.stringify({ recipient, cursor, max: null }));
}

export function ackRequest(recipient: string, messageIds: readonly string[]): Buffer {
  const ack = messageIds.map((messageId) => ({ message_id: messageId, chunk_index: 0 }));
  return post('/ack', JSON.stringify({ recipient, ack }));
}

/**
 * A push whose recipient and message id are written in place, so that one costs the generator next to nothing. Every
 * template has ids of its own.
 */
export class PushTemplate {
  readonly #request: Buffer;
  readonly #recipientAt: number;
  readonly #counterAt: number;
  #counter = 0;

  constructor(payloadBytes: number) {
    const recipient = newRecipient();
    const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})/.exec(randomBytes(10).toString('hex')) ?? [];
    const messageId = `${groups.join('-')}-${'0'.repeat(COUNTER_DIGITS)}`;
    this.#request = post('/push', pushBody(recipient, messageId, randomBytes(payloadBytes)));
    this.#recipientAt = this.#request.indexOf(recipient);
    this.#counterAt = this.#request.indexOf(messageId) + messageId.length - COUNTER_DIGITS;
  }

  /** The same buffer every time: valid until the next call. */
  next(recipient: string): Buffer {
    this.#counter += 1;
    const digits = this.#counter.toString(16).padStart(COUNTER_DIGITS, '0');
    this.#request.write(digits, this.#counterAt, 'latin1');
    this.#request.write(recipient, this.#recipientAt, 'latin1');
    return this.#request;
  }
}

/** A push of one message; its recipient comes first. */
export function pushBody(recipient: string, messageId: string, payload: Buffer): string {
  const meta = {
    kind: 'text',
    total_len: payload.length,
    chunk_index: 0,
    chunk_count: 1,
    sent_ms: Date.now(),
  };
  return JSON.stringify({
    recipient,
    message_id: messageId,
    ciphertext_b64: payload.toString('base64'),
    meta,
  });
}

/** 64 hex digits, as a node's name is. */
export function newRecipient(): string {
  return randomBytes(32).toString('hex');
}
