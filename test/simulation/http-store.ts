import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { AckResult, Page, PushResult } from '../../src/stores/store.ts';

/** Of an answer that never comes, as the relay was killed. */
const never = new Promise<never>(() => undefined);

/** A relay's API as the store behind it. What the relay's end cuts off is never answered. */
export class HttpStore {
  readonly #baseUrl: string;
  /** Called for each answer. */
  onAnswer: () => void = () => undefined;

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  async push({ recipient, messageId, payload, meta }: NewMessage): Promise<PushResult> {
    const body = {
      recipient,
      message_id: messageId,
      ciphertext_b64: Buffer.from(payload).toString('base64'),
      meta: {
        kind: meta.kind,
        total_len: Number(meta.totalLen),
        chunk_index: meta.chunkIndex,
        chunk_count: meta.chunkCount,
        sent_ms: Number(meta.sentMs),
      },
    };
    const { stored, queue_len, queue_bytes } = await this.#post('/push', body);
    return { stored, queueLen: queue_len, queueBytes: queue_bytes };
  }

  async ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    const ack = keys.map(({ messageId, chunkIndex }) => ({ message_id: messageId, chunk_index: chunkIndex }));
    return (await this.#post('/ack', { recipient, ack })) as AckResult;
  }

  /** A page for the sake of the load: its items have no seq, so nothing is made of them. */
  async pull(recipient: string): Promise<Page> {
    await this.#post('/pull', { recipient, cursor: null, max: null });
    return { messages: [], more: false, remaining: 0 };
  }

  async sweep(): Promise<number> {
    return 0;
  }

  /**
   * Everything in a mailbox with its seqs, which only cursors tell: one item a page, and a message of our own behind
   * the last one, as no cursor points at that. No other operation may be on its way.
   */
  async pullAll(recipient: string): Promise<Message[]> {
    const messageId = randomUUID();
    const meta = { kind: 'end', totalLen: 0n, chunkIndex: 0, chunkCount: 1, sentMs: 0n };
    const { queueLen } = await this.push({ recipient, messageId, payload: Buffer.alloc(0), meta });
    const messages: Message[] = [];
    let cursor: string | null = null;
    for (;;) {
      const page: Answer = await this.#post('/pull', { recipient, cursor, max: 1 });
      assert.equal(page.remaining_estimate, queueLen - 1, 'the counters equal what is there');
      if (page.next_cursor === null) break;
      cursor = page.next_cursor as string;
      messages.push(messageOf(page.items[0], Number(atob(cursor).split(':').at(-1))));
    }
    assert.equal(messages.length, queueLen - 1, 'the counters equal what is there');
    assert.equal((await this.ack(recipient, [{ messageId, chunkIndex: 0 }])).deleted, 1);
    return messages;
  }

  async #post(path: string, body: unknown): Promise<Answer> {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const response = await fetch(`${this.#baseUrl}${path}`, init).catch(() => never);
    const answer = await response.text().catch(() => never);
    assert.equal(response.status, 200, answer);
    this.onAnswer();
    return JSON.parse(answer);
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
