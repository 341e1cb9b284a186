import { RelayError } from '../../src/errors.ts';
import type { Message } from '../../src/message.ts';
import { Model } from '../simulation/model.ts';
import {
  type AckValue,
  type Asked,
  cursorOf,
  LAST_CURSOR,
  type PullValue,
  type PushValue,
} from './requests.ts';

/** What the relay that is fuzzed is told, so small that histories reach it. */
export const relayLimits = {
  maxMessageBytes: 40,
  maxMessagesPerUser: 6,
  maxQueueBytesPerUser: 120,
  pullBatchMax: 3,
  pullPageBytesMax: 60,
};

/** What a relay answers, as text; without the times, of which a model knows nothing. */
export interface Expected {
  readonly status: number;
  /** Of a 200. */
  readonly body?: string;
}

const REFUSED: Expected = { status: 400 };
const NOW_MS = 0;

/** A relay on paper: gives the answer that each request must get. */
export class ExpectedRelay {
  readonly #model = new Model({
    messageTtlMs: 1_000_000n,
    dedupWindowMs: 1_000_000,
    messagesPerMailboxMax: relayLimits.maxMessagesPerUser,
    bytesPerMailboxMax: relayLimits.maxQueueBytesPerUser,
    messagesMax: Number.POSITIVE_INFINITY,
  });
  /** The cursors that the relay gave, and the seqs of the model that they mean. */
  readonly #seqs = new Map<string, number>();
  #lastCursor = cursorOf('alice:0');
  #lastSeq = 0;

  constructor() {
    // Cursors that clients make up count as from before everything.
    this.#model.nextSeq = 1_000;
  }

  get messages(): readonly Message[] {
    return this.#model.messages;
  }

  /** A body as it is sent, with a real cursor in it. */
  bodyOf({ body }: Asked): string {
    return body.json.replaceAll(LAST_CURSOR, this.#lastCursor);
  }

  answerTo({ path, body: { value } }: Asked): Expected {
    if (value === undefined) return REFUSED;
    try {
      if (path === '/push') return this.#push(value as PushValue);
      return path === '/pull' ? this.#pull(value as PullValue) : this.#ack(value as AckValue);
    } catch (error) {
      if (error instanceof RelayError) return { status: error.status };
      throw error;
    }
  }

  /** Takes note of a cursor that the last page came with. */
  noteCursor(cursor: string | null): void {
    if (cursor === null) return;
    this.#lastCursor = cursor;
    this.#seqs.set(cursor, this.#lastSeq);
  }

  #push({ recipient, message_id: messageId, ciphertext_b64: payload, meta }: PushValue): Expected {
    if (meta.chunk_index >= meta.chunk_count) return REFUSED;
    const { stored, queueLen, queueBytes } = this.#model.push(
      {
        recipient,
        messageId,
        payload,
        meta: {
          kind: meta.kind,
          totalLen: meta.total_len,
          chunkIndex: Number(meta.chunk_index),
          chunkCount: Number(meta.chunk_count),
          sentMs: meta.sent_ms,
        },
      },
      NOW_MS,
    );
    const outcome = stored ? '"stored":true' : '"stored":false,"duplicate":true';
    return { status: 200, body: `{${outcome},"queue_len":${queueLen},"queue_bytes":${queueBytes}}` };
  }

  #pull({ recipient, cursor, max }: PullValue): Expected {
    const afterSeq = cursor === undefined ? 0 : this.#seqOf(cursor, recipient);
    if (max === 0n || afterSeq === undefined) return REFUSED;
    const { pullBatchMax, pullPageBytesMax: bytesMax } = relayLimits;
    const messagesMax = Math.min(Number(max ?? pullBatchMax), pullBatchMax);
    const { messages, more, remaining } = this.#model.pull(
      recipient,
      afterSeq,
      { messagesMax, bytesMax },
      NOW_MS,
    );
    this.#lastSeq = messages.at(-1)?.seq ?? 0;
    const next = more ? '"…"' : 'null';
    const items = messages.map(itemOf).join();
    return {
      status: 200,
      body: `{"items":[${items}],"next_cursor":${next},"remaining_estimate":${remaining}}`,
    };
  }

  #ack({ recipient, ack }: AckValue): Expected {
    const keys = ack.map((entry) => ({ messageId: entry.message_id, chunkIndex: Number(entry.chunk_index) }));
    const { deleted, missing, remaining } = this.#model.ack(recipient, keys, NOW_MS);
    return { status: 200, body: `{"deleted":${deleted},"missing":${missing},"remaining":${remaining}}` };
  }

  /** Undefined where the cursor is another mailbox's. */
  #seqOf(written: string, recipient: string): number | undefined {
    const cursor = written === LAST_CURSOR ? this.#lastCursor : written;
    const text = Buffer.from(cursor, 'base64').toString();
    const colon = text.lastIndexOf(':');
    if (text.slice(0, colon) !== recipient) return undefined;
    return this.#seqs.get(cursor) ?? (Number(text.slice(colon + 1)) > 7 ? Number.POSITIVE_INFINITY : 0);
  }
}

export function itemOf({ recipient, messageId, payload, meta }: Message): string {
  return (
    `{"recipient":${JSON.stringify(recipient)},"message_id":"${messageId}",` +
    `"ciphertext_b64":"${Buffer.from(payload).toString('base64')}","meta":{"kind":${JSON.stringify(meta.kind)},` +
    `"total_len":${meta.totalLen},"chunk_index":${meta.chunkIndex},"chunk_count":${meta.chunkCount},` +
    `"sent_ms":${meta.sentMs}}}`
  );
}
