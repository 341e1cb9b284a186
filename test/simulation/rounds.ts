import assert from 'node:assert/strict';
import { RelayError } from '../../src/errors.ts';
import type { MessageKey, NewMessage } from '../../src/message.ts';
import type { AckResult, Page, PushResult, Store } from '../../src/stores/store.ts';
import type { Copy } from './copies.ts';
import type { AckCall, Ledger } from './ledger.ts';
import type { Plan } from './plan.ts';
import { below, chance, pick, type Random } from './random.ts';

/** What became of an operation; nothing yet, as long as both are missing. */
interface Outcome<T> {
  answer?: T;
  error?: RelayError;
}

type Push = Outcome<PushResult> & { readonly copy: Copy };
type Ack = Outcome<AckResult> & { readonly call: AckCall };
type Pull = Outcome<Page> & { readonly recipient: string; readonly afterSeq: number };

/** What the clients use of a store. */
export type Served = Pick<Store, 'push' | 'pull' | 'ack' | 'sweep'>;

export const recipients: readonly string[] = ['alice', 'bob', 'carol'];

/** The clients: each round they call a few operations at once, and tell the ledger what came of them. */
export class Rounds {
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #ledger: Ledger;
  /** Keys that were pushed and not acked, of which some are gone. */
  readonly #known = new Map<string, MessageKey[]>(recipients.map((recipient) => [recipient, []]));
  /** Pushes that were refused. */
  refusals = 0;
  #pushed = 0;
  #seqs = [0];
  #pushes: Push[] = [];
  #acks: Ack[] = [];
  #pulls: Pull[] = [];

  constructor(random: Random, plan: Plan, ledger: Ledger) {
    this.#random = random;
    this.#plan = plan;
    this.#ledger = ledger;
  }

  /** Calls the operations of a round; resolves once all are answered. */
  begin(store: Served): Promise<unknown> {
    this.#beginRound();
    const width = 1 + below(this.#random, this.#plan.width);
    return Promise.all(Array.from({ length: width }, () => this.#call(store)));
  }

  /** A round of one push, which must be taken. */
  async pushOne(store: Served): Promise<void> {
    this.#beginRound();
    await this.#push(store, pick(this.#random, recipients));
    assert.ok(this.#pushes[0]?.answer, 'pushes are taken again');
  }

  /** Tells the ledger what was answered, and what was not. */
  end(): void {
    const ledger = this.#ledger;
    for (const { recipient, afterSeq, answer } of this.#pulls) {
      if (answer === undefined) continue;
      ledger.pulled(recipient, afterSeq, answer);
      this.#seqs = [...this.#seqs.slice(-20), ...answer.messages.map(({ seq }) => seq)];
    }
    for (const { copy, answer } of this.#pushes) if (answer?.stored === true) ledger.pushStored(copy);
    for (const { copy, answer, error } of this.#pushes) if (!answer && !error) ledger.pushUnanswered(copy);
    for (const { copy, answer } of this.#pushes) if (answer?.stored === false) ledger.pushDuplicate(copy);
    for (const { copy, error } of this.#pushes) {
      if (error === undefined) continue;
      this.refusals++;
      ledger.pushFailed(copy);
    }
    for (const { call, answer } of this.#acks) if (answer) ledger.ackAnswered(call, answer);
    for (const { call, answer, error } of this.#acks) if (!answer && !error) ledger.ackUnanswered(call);
    for (const { call, error } of this.#acks) if (error) this.#ackFailed(call, error);
    ledger.endRound();
  }

  #beginRound(): void {
    this.#pushes = [];
    this.#acks = [];
    this.#pulls = [];
    this.#ledger.beginRound();
  }

  #call(store: Served): Promise<void> {
    const recipient = pick(this.#random, recipients);
    const dice = this.#random();
    if (dice < this.#plan.ackShare) return this.#ack(store, recipient);
    if (dice < 0.88) return this.#push(store, recipient);
    return dice < 0.95 ? this.#pull(store, recipient) : outcome({}, store.sweep());
  }

  #push(store: Served, recipient: string): Promise<void> {
    const message = this.#drawMessage(recipient);
    const push: Push = { copy: this.#ledger.callPush(message) };
    this.#pushes.push(push);
    return outcome(push, store.push(message));
  }

  #ack(store: Served, recipient: string): Promise<void> {
    const known = this.#known.get(recipient) ?? [];
    const count = 1 + below(this.#random, chance(this.#random, 0.2) ? 20 : 3);
    const keys = known.length === 0 ? [] : Array.from({ length: count }, () => pick(this.#random, known));
    // Those that are left out here stay for long, and the cleaner has to carry them along.
    const kept = known.filter((key) => !keys.includes(key) || chance(this.#random, 0.1));
    this.#known.set(recipient, kept.slice(-60));
    const ack: Ack = { call: this.#ledger.callAck(recipient, keys) };
    this.#acks.push(ack);
    return outcome(ack, store.ack(recipient, keys));
  }

  #pull(store: Served, recipient: string): Promise<void> {
    const limit = { messagesMax: 1 + below(this.#random, 20), bytesMax: 1 + below(this.#random, 50_000) };
    const pull: Pull = { recipient, afterSeq: pick(this.#random, this.#seqs) };
    this.#pulls.push(pull);
    return outcome(pull, store.pull(recipient, pull.afterSeq, limit));
  }

  /** A new message, or one with a key that was pushed before and with other bytes. */
  #drawMessage(recipient: string): NewMessage {
    const known = this.#known.get(recipient) ?? [];
    const number = ++this.#pushed;
    const isNew = known.length === 0 || chance(this.#random, 0.75);
    const key = isNew ? { messageId: idOf(number), chunkIndex: number % 3 } : pick(this.#random, known);
    if (isNew) known.push(key);
    const { messageId, chunkIndex } = key;
    // On a full disk the cleaner cannot move what has a segment of its own, for which there is no reserve.
    const mayBeLong = this.#plan.trouble !== 'full';
    const long = mayBeLong && chance(this.#random, 0.02) ? 70_000 : this.#plan.payloadBytesMax;
    const payload = Buffer.alloc(8 + below(this.#random, long), `push ${number}.`);
    return {
      recipient,
      messageId,
      payload,
      meta: { kind: 'text', totalLen: 1n, chunkIndex, chunkCount: 3, sentMs: 1n },
    };
  }

  #ackFailed(call: AckCall, error: RelayError): void {
    assert.notEqual(this.#plan.trouble, 'full', `an ack was refused on a full disk: ${error.message}`);
    this.#ledger.ackFailed(call);
  }
}

function idOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** A store may refuse with `storage_error` while its disk is in trouble; every other error is a fault of its own. */
async function outcome<T>(result: Outcome<T>, promise: Promise<T>): Promise<void> {
  try {
    result.answer = await promise;
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'storage_error') throw error;
    result.error = error;
  }
}
