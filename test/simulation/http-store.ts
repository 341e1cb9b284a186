import assert from 'node:assert/strict';
import { decodeCursor, encodeCursor } from '../../src/cursor.ts';
import { type ErrorCode, RelayError } from '../../src/errors.ts';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { AckResult, Page, PageLimit, PushResult, Store } from '../../src/stores/store.ts';

/** The connection ended within an answer: a message went while its payload was on its way. */
export class CutShort extends Error {
  readonly code = 'cut_short';
}

/** A relay's API as the store behind it. A refusal is the `RelayError` that the relay has answered with. */
export class HttpStore implements Pick<Store, 'push' | 'pull' | 'ack'> {
  readonly #baseUrl: string;

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  async push({ recipient, messageId, payload, meta }: NewMessage): Promise<PushResult> {
    const { kind, totalLen, chunkIndex, chunkCount, sentMs } = meta;
    const answer = await this.#post('/push', {
      recipient,
      message_id: messageId,
      ciphertext_b64: Buffer.from(payload).toString('base64'),
      meta: {
        kind,
        total_len: Number(totalLen),
        chunk_index: chunkIndex,
        chunk_count: chunkCount,
        sent_ms: Number(sentMs),
      },
    });
    assert.equal(answer.duplicate, answer.stored ? undefined : true);
    return { stored: answer.stored, queueLen: answer.queue_len, queueBytes: answer.queue_bytes };
  }

  /** Of the seqs only the last one is told, and only where there is a next page; the others are `NaN`. */
  async pull(recipient: string, afterSeq: number, { messagesMax }: PageLimit): Promise<Page> {
    const cursor = afterSeq === 0 ? null : encodeCursor({ recipient, seq: afterSeq });
    const answer = await this.#post('/pull', { recipient, cursor, max: messagesMax });
    const more = answer.next_cursor !== null;
    const next = more ? decodeCursor(answer.next_cursor) : undefined;
    assert.equal(next?.recipient, more ? recipient : undefined);
    const lastSeq = next?.seq ?? Number.NaN;
    const messages = answer.items.map((item: Answer, index: number) =>
      messageOf(item, index === answer.items.length - 1 ? lastSeq : Number.NaN),
    );
    return { messages, more, remaining: answer.remaining_estimate };
  }

  async ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    const ack = keys.map(({ messageId, chunkIndex }) => ({ message_id: messageId, chunk_index: chunkIndex }));
    return this.#post('/ack', { recipient, ack });
  }

  async #post(path: string, body: unknown): Promise<Answer> {
    const response = await fetch(`${this.#baseUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text().catch((cause) => {
      throw new CutShort(`${path} was not answered to its end`, { cause });
    });
    const answer: Answer = JSON.parse(text);
    if (response.status === 200) return answer;
    throw new RelayError(answer.error.code as ErrorCode, answer.error.message);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
type Answer = any;

function messageOf(item: Answer, seq: number): Message {
  return {
    recipient: item.recipient,
    messageId: item.message_id,
    payload: Buffer.from(item.ciphertext_b64, 'base64'),
    meta: {
      kind: item.meta.kind,
      totalLen: BigInt(item.meta.total_len),
      chunkIndex: item.meta.chunk_index,
      chunkCount: item.meta.chunk_count,
      sentMs: BigInt(item.meta.sent_ms),
    },
    seq,
    arrivalMs: item.arrival_ms,
    deadlineMs: BigInt(item.deadline_ms),
  };
}
