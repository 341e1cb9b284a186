import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RelayError } from '../../src/errors.ts';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { Page, PageLimit, StoreLimits } from '../../src/stores/store.ts';
import { type Harness, ids, pullAll } from '../stores/harness.ts';
import { Model } from './model.ts';
import { storeTime } from './model-store.ts';

/** One operation; `cursor` picks one of the seqs that were seen. */
type Call =
  | { readonly kind: 'push'; readonly recipient: string; readonly key: MessageKey; readonly bytes: number }
  | { readonly kind: 'pull'; readonly recipient: string; readonly cursor: number; readonly limit: PageLimit }
  | { readonly kind: 'ack'; readonly recipient: string; readonly keys: readonly MessageKey[] };

type Step =
  | { readonly kind: 'together'; readonly calls: readonly Call[] }
  | { readonly kind: 'advance' | 'setClock'; readonly ms: number }
  | { readonly kind: 'sweep' | 'restart' };

export interface History {
  readonly limits: StoreLimits;
  readonly steps: readonly Step[];
}

const recipients = ['alice', 'bob'];
const recipient = fc.constantFrom(...recipients);
const key = fc.record({ messageId: fc.constantFrom(...ids(1, 2, 3, 4, 5)), chunkIndex: fc.nat(1) });
const limit = fc.record({
  messagesMax: fc.integer({ min: 1, max: 5 }),
  bytesMax: fc.integer({ min: 1, max: 120 }),
});

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push'), recipient, key, bytes: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('ack'), recipient, keys: fc.array(key, { maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pull'), recipient, cursor: fc.nat(), limit }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('together'),
      calls: fc.array(call, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('setClock'), ms: fc.integer({ min: -2_000, max: 500 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('sweep', 'restart') }) },
);

/** Histories with any of these bounds over all mailboxes. */
export function historyArbitrary(choices: { messagesMax: readonly number[] }): fc.Arbitrary<History> {
  const limits = fc.record({
    messageTtlMs: fc.constantFrom(300n, 1_000n, 1_000_000n),
    dedupWindowMs: fc.constantFrom(0, 200, 1_000_000),
    messagesPerMailboxMax: fc.constantFrom(3, 1_000),
    bytesPerMailboxMax: fc.constantFrom(100, 1_000),
    messagesMax: fc.constantFrom(...choices.messagesMax),
  });
  return fc.record({ limits, steps: fc.array(step, { maxLength: 60, size: 'max' }) });
}

/** Plays a history on a store and on the model; throws where the store does what the model cannot. */
export async function playOnStore(history: History, harness: Harness): Promise<void> {
  const player = new Player(history.limits, harness);
  for (const each of history.steps) await player.play(each);
}

class Player {
  readonly #harness: Harness;
  #now: () => number;
  /** What the state may be: more than one as long as the order of concurrent operations cannot be told. */
  #models: Model[];
  #seqs: number[] = [0, Number.MAX_SAFE_INTEGER];
  #pushed = 0;

  constructor(limits: StoreLimits, harness: Harness) {
    this.#harness = harness;
    this.#now = storeTime(harness.clock);
    this.#models = [new Model(limits)];
  }

  async play(step: Step): Promise<void> {
    const { store, clock, reopen } = this.#harness;
    if (step.kind === 'advance') clock.advance(step.ms);
    else if (step.kind === 'setClock') clock.setWall(clock.wallMs() + step.ms);
    else if (step.kind === 'together') await this.#playTogether(step.calls);
    else if (step.kind === 'sweep') {
      await store.sweep();
      this.#checkFigures();
    } else if (reopen !== undefined) {
      const closedMs = this.#now();
      await reopen();
      this.#now = storeTime(clock, closedMs);
    }
  }

  /** Some order of the concurrent operations must explain every answer, and what is there afterwards. */
  async #playTogether(calls: readonly Call[]): Promise<void> {
    const nowMs = this.#now();
    const prepared = calls.map((each) => this.#prepare(each));
    const answers = await Promise.all(prepared.map(({ onStore }) => answerOf(onStore)));
    const mailboxes = await Promise.all(recipients.map((each) => pullAll(this.#harness.store, each)));
    const found = mailboxes.flat().sort((a, b) => a.seq - b.seq);
    const explained: Model[] = [];
    for (const order of permutations(prepared.map((_, index) => index))) {
      for (const before of this.#models) {
        const model = before.copy();
        const agrees = order.every((index) =>
          isSame(
            answers[index],
            answerOfModel(() => prepared[index]?.onModel(model, nowMs)),
          ),
        );
        model.expire(nowMs);
        if (agrees && isSame(model.messages.map(visible), found.map(visible))) explained.push(model);
      }
    }
    assert.ok(
      explained.length > 0,
      `no order explains ${inspect({ calls, answers, found: found.map(visible) })}`,
    );
    this.#adopt(explained, found);
  }

  /** Takes over the store's seqs, so that cursors mean the same to both, and drops states that are the same. */
  #adopt(models: readonly Model[], found: readonly Message[]): void {
    const distinct = new Map<string, Model>();
    for (const model of models) {
      model.messages = model.messages.map((kept, index) => ({
        ...kept,
        seq: found[index]?.seq ?? Number.NaN,
      }));
      model.nextSeq = Number.MAX_SAFE_INTEGER - 1_000;
      distinct.set(inspect(model.memories), model);
    }
    this.#models = [...distinct.values()];
    this.#seqs = [...new Set([...this.#seqs, ...found.map(({ seq }) => seq)])];
  }

  #prepare(call: Call): { onStore: () => Promise<object>; onModel: (model: Model, nowMs: number) => object } {
    const { store } = this.#harness;
    const { recipient } = call;
    if (call.kind === 'push') {
      const message = this.#messageOf(recipient, call.key, call.bytes);
      return { onStore: () => store.push(message), onModel: (model, nowMs) => model.push(message, nowMs) };
    }
    if (call.kind === 'ack') {
      const { keys } = call;
      return {
        onStore: () => store.ack(recipient, keys),
        onModel: (model, nowMs) => model.ack(recipient, keys, nowMs),
      };
    }
    const afterSeq = this.#seqs[call.cursor % this.#seqs.length] ?? 0;
    return {
      onStore: async () => visiblePage(await store.pull(recipient, afterSeq, call.limit)),
      onModel: (model, nowMs) => visiblePage(model.pull(recipient, afterSeq, call.limit, nowMs)),
    };
  }

  #messageOf(recipient: string, { messageId, chunkIndex }: MessageKey, bytes: number): NewMessage {
    const payload = Buffer.alloc(bytes, `push ${++this.#pushed}.`);
    const meta = { kind: 'text', totalLen: BigInt(this.#pushed), chunkIndex, chunkCount: 2, sentMs: 1n };
    return { recipient, messageId, payload, meta };
  }

  #checkFigures(): void {
    const { messages, bytes, mailboxes, memories } = this.#harness.store.figures();
    const nowMs = this.#now();
    const expected = this.#models.map((model) => {
      model.expire(nowMs);
      const names = [...model.messages, ...model.memories].map((kept) => kept.recipient);
      const payloads = model.messages.map(({ payload }) => payload.length);
      return [
        model.messages.length,
        payloads.reduce((sum, length) => sum + length, 0),
        new Set(names).size,
        model.memories.length,
      ];
    });
    const figures = [messages, bytes, mailboxes, memories];
    assert.ok(
      expected.some((each) => isSame(each, figures)),
      `figures ${figures}, expected ${inspect(expected)}`,
    );
  }
}

function visible({ recipient, messageId, meta, payload, arrivalMs, deadlineMs }: Message): object {
  return { recipient, messageId, meta, payload: Buffer.from(payload).toString('hex'), arrivalMs, deadlineMs };
}

function visiblePage({ messages, more, remaining }: Page): object {
  return { messages: messages.map(visible), more, remaining };
}

async function answerOf(call: () => Promise<object>): Promise<object> {
  try {
    return await call();
  } catch (error) {
    return refusal(error);
  }
}

function answerOfModel(call: () => object | undefined): object | undefined {
  try {
    return call();
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): object {
  if (error instanceof RelayError) return { code: error.code };
  throw error;
}

function isSame(a: unknown, b: unknown): boolean {
  return inspect(a) === inspect(b);
}

function inspect(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}
