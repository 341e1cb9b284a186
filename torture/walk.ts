import { describe, isDue, type Known, keyOf, mustLive, SLACK_MS } from './known.ts';
import type { Mail } from './mail.ts';
import { bytesOf } from './payload.ts';
import { hold } from './violation.ts';
import type { Answer, Wire } from './wire.ts';

/** A mailbox as one reader goes through it, page by page, while others push and ack. */
export class Walk {
  readonly recipient: string;
  readonly seen = new Set<Known>();
  /** What the relay says is there in all, at the first page. */
  firstEstimate = 0;
  readonly #mail: Mail;
  readonly #startTick: number;
  #cursor: string | null = null;
  #pages = 0;
  /** Of those seen so far, when the last one was sent, and when the last one arrived. */
  #lastSentTick = 0;
  #lastBornMs = 0;

  constructor(mail: Mail, recipient: string) {
    this.#mail = mail;
    this.recipient = recipient;
    this.#startTick = mail.tick();
  }

  /** Pulls a page and checks all of it; resolves with false where there is no next one, or no answer. */
  async next(wire: Wire, max: number): Promise<boolean> {
    const [askedTick, askedMs] = [this.#mail.tick(), Date.now()];
    const answer = await wire.post('/pull', { recipient: this.recipient, cursor: this.#cursor, max });
    if (answer === undefined) return false;
    hold(answer.status === 200, () => `a pull was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    const { items, next_cursor: cursor, remaining_estimate: remaining } = answer.body;
    hold(items.length <= max, () => `a page of ${items.length} instead of ${max}`);
    for (const item of items) this.#take(item, askedTick, askedMs);
    if (this.#pages++ === 0) this.firstEstimate = items.length + remaining;
    this.#cursor = cursor;
    return cursor !== null;
  }

  /** Goes to the end; resolves with false if an answer is missing. Everything that was there all the time must have been seen. */
  async finish(wire: Wire, max: number): Promise<boolean> {
    const endsAt = this.#pages;
    while (await this.next(wire, max)) {}
    if (this.#cursor !== null || this.#pages === endsAt) return false;
    const nowMs = Date.now();
    for (const known of this.#mail.in(this.recipient).values()) {
      if (known.answeredTick > this.#startTick || !mustLive(known, nowMs)) continue;
      hold(this.seen.has(known), () => `not shown: ${describe(known)}`);
    }
    return true;
  }

  #take(item: Answer['body'], askedTick: number, askedMs: number): void {
    const key = keyOf({ messageId: item.message_id, chunkIndex: item.meta.chunk_index });
    const known = this.#mail.in(this.recipient).get(key);
    const name = `${this.recipient} ${key}`;
    hold(known !== undefined, () => `shown, but never pushed, or acked or expired long ago: ${name}`);
    const text = (what: string) => () => `${what}: ${describe(known)}`;
    hold(item.recipient === this.recipient, text('of another mailbox'));
    hold(known.state !== 'refused', text('refused, and shown'));
    hold(known.ackedTick > askedTick, text('acked, and shown again'));
    hold(!isDue(known, askedMs), text('expired, and shown'));
    hold(!this.seen.has(known), text('shown twice'));
    hold(known.answeredTick > this.#lastSentTick, text('answered before one was sent that comes first'));
    checkPayload(known, item);
    checkArrival(known, item);
    hold(known.bornMinMs >= this.#lastBornMs, text('arrived before what comes first'));
    this.seen.add(known);
    this.#lastBornMs = known.bornMinMs;
    this.#lastSentTick = Math.max(this.#lastSentTick, known.sentTick);
    this.#mail.counts.shown++;
  }
}

function checkPayload(known: Known, item: Answer['body']): void {
  const kept = known.payloads.find((payload) => bytesOf(payload).toString('base64') === item.ciphertext_b64);
  hold(kept !== undefined, () => `not the bytes that were pushed: ${describe(known)}`);
  known.payloads = [kept];
  const { kind, total_len, chunk_count, sent_ms } = item.meta;
  const isEcho = kind === 'sealed' && total_len === kept.length && sent_ms === kept.offset;
  hold(isEcho && chunk_count === known.chunkCount, () => `another meta: ${JSON.stringify(item.meta)}`);
}

function checkArrival(known: Known, item: Answer['body']): void {
  const { arrival_ms: bornMs, deadline_ms: deadlineMs } = item;
  const text = () => `arrived at ${bornMs}, not in ${known.bornMinMs} to ${known.bornMaxMs}`;
  hold(bornMs >= known.bornMinMs - SLACK_MS && bornMs <= known.bornMaxMs + SLACK_MS, text);
  const ttlMs = deadlineMs - bornMs;
  hold(known.ttlsMs.includes(ttlMs), () => `expires after ${ttlMs} ms: ${describe(known)}`);
  known.ttlsMs = [ttlMs];
  known.bornMinMs = bornMs;
  known.bornMaxMs = bornMs;
}
