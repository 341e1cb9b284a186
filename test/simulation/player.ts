import assert from 'node:assert/strict';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { AckResult, Page } from '../../src/stores/store.ts';
import { type Harness, pullAll } from '../stores/harness.ts';
import {
  answerOf,
  answerOfModel,
  inspect,
  isSame,
  type VisiblePage,
  visible,
  visiblePage,
} from './answers.ts';
import { explain, type Pulled, part, type Waiting, whole } from './explain.ts';
import { type Call, type History, recipients, type Step } from './history.ts';
import { Model } from './model.ts';
import { storeTime } from './model-store.ts';

/** Of payload: a page with no more is read at once. */
const WHOLE_BYTES_MAX = 262_144;

/** By when a store has got over a fault that is gone, in steps of a second. */
const WELL_AGAIN_SECONDS = 3;

/** Plays a history on a store and on the model; throws where the store does what the model cannot. */
export async function playOnStore(history: History, harness: Harness): Promise<void> {
  const player = new Player(history, harness);
  for (const each of history.steps) await player.play(each);
}

class Player {
  readonly #harness: Harness;
  #now: () => number;
  /** What the state may be: more than one as long as the order of concurrent operations cannot be told. */
  #models: Model[];
  #seqs: number[] = [0, Number.MAX_SAFE_INTEGER];
  /** What was pulled since the last look. */
  #pages: Page[] = [];
  #pushed = 0;
  readonly #pageBytesMax: number;

  constructor({ limits, pageBytesMax }: History, harness: Harness) {
    this.#harness = harness;
    this.#now = storeTime(harness.clock);
    this.#models = [new Model(limits)];
    this.#pageBytesMax = pageBytesMax;
  }

  async play(step: Step): Promise<void> {
    const { store, clock, reopen } = this.#harness;
    if (step.kind === 'advance') clock.advance(step.ms);
    else if (step.kind === 'setClock') this.#setClock(step.ms);
    else if (step.kind === 'together') await this.#playTogether(step.calls);
    else if (step.kind === 'fault') await this.#playFault(step.writes, step.calls);
    else if (step.kind === 'sweep') {
      await store.sweep();
      this.#checkFigures();
    } else if (reopen !== undefined) {
      const closedMs = this.#now();
      await reopen();
      this.#now = storeTime(clock, closedMs);
    }
  }

  /** A store cannot know of a time that it has not looked at: both look at the clock before it is set, perhaps back. */
  #setClock(byMs: number): void {
    const { store, clock } = this.#harness;
    store.figures();
    this.#now();
    clock.setWall(clock.wallMs() + byMs);
  }

  /** While writes fail, what changes something may be refused, and then leaves nothing behind; soon all is well again. */
  async #playFault(writes: number, calls: readonly Call[]): Promise<void> {
    const { fault, clock } = this.#harness;
    if (fault === undefined) return;
    fault(writes);
    await this.#playTogether(calls, { mayRefuse: true });
    fault(0);
    for (let second = 0; second < WELL_AGAIN_SECONDS; second++) {
      clock.advance(1_000);
      for (let turn = 0; turn < 100; turn++) await new Promise((next) => setImmediate(next));
    }
  }

  /** Some order of the concurrent operations must explain every answer, and what is there afterwards. */
  async #playTogether(calls: readonly Call[], { mayRefuse = false } = {}): Promise<void> {
    const nowMs = this.#now();
    const prepared = calls.map((each) => this.#prepare(each));
    const answers = await Promise.all(prepared.map(({ onStore }) => answerOf(onStore)));
    const { store, direct = store } = this.#harness;
    const mailboxes = await Promise.all(recipients.map((each) => pullAll(direct, each)));
    const found = mailboxes.flat().sort((a, b) => a.seq - b.seq);
    this.#checkCursors(found);
    const atOnce = prepared.map(({ onModel }, index) =>
      whole(
        (model) =>
          (mayRefuse && isSame(answers[index], REFUSED)) ||
          (isSame(answers[index], CUT_SHORT) && mayBeCutShort(calls, answers, index)) ||
          isSame(
            answers[index],
            answerOfModel(() => onModel(model, nowMs)),
          ),
      ),
    );
    const inParts = prepared.map(({ pulled }, index) => {
      const page = answers[index] as VisiblePage;
      const isPage = pulled !== undefined && 'messages' in page;
      return isPage && this.#mayBeInParts(pulled, calls)
        ? part(pulled, page, nowMs)
        : (atOnce[index] as Waiting);
    });
    const statesAfter = (waiting: readonly Waiting[]): Model[] =>
      this.#models
        .flatMap((before) => explain(before, waiting))
        .filter((model) => {
          model.expire(nowMs);
          return isSame(model.messages.map(visible), found.map(visible));
        });
    const explainedAtOnce = statesAfter(atOnce);
    const explained = explainedAtOnce.length > 0 ? explainedAtOnce : statesAfter(inParts);
    assert.ok(
      explained.length > 0,
      `no order explains ${inspect({ calls, answers, found: found.map(visible) })}`,
    );
    this.#adopt(explained, found);
  }

  /** Over the wire a long page is sent in parts, and what others do meanwhile shows in those that follow. */
  #mayBeInParts({ recipient }: Pulled, calls: readonly Call[]): boolean {
    const kept = this.#models
      .flatMap(({ messages }) => messages)
      .filter((each) => each.recipient === recipient);
    const pushed = calls.map((each) =>
      each.kind === 'push' && each.recipient === recipient ? each.bytes : 0,
    );
    const bytes = [...kept.map(({ payload }) => payload.length), ...pushed].reduce(
      (sum, each) => sum + each,
      0,
    );
    return this.#harness.direct !== undefined && bytes > WHOLE_BYTES_MAX;
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

  /** A page that another one follows ends at a seq, which is that of its last message. */
  #checkCursors(found: readonly Message[]): void {
    for (const { messages, more } of this.#pages.splice(0)) {
      const last = messages.at(-1);
      const kept = found.find(({ meta }) => meta.totalLen === last?.meta.totalLen);
      if (more && kept !== undefined)
        assert.equal(last?.seq, kept.seq, 'a cursor is that of the last message');
    }
  }

  #prepare(call: Call): Prepared {
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
    const limit = { messagesMax: call.max, bytesMax: this.#pageBytesMax };
    return {
      onStore: async () => {
        const page = await store.pull(recipient, afterSeq, limit);
        this.#pages.push(page);
        return visiblePage(page);
      },
      onModel: (model, nowMs) => visiblePage(model.pull(recipient, afterSeq, limit, nowMs)),
      pulled: { recipient, afterSeq, limit },
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

interface Prepared {
  readonly onStore: () => Promise<object>;
  readonly onModel: (model: Model, nowMs: number) => object;
  readonly pulled?: Pulled;
}

/** The answer of a store that cannot take anything now. */
const REFUSED = { code: 'storage_error' };

/** A message that a pull is sending may be deleted meanwhile. */
const CUT_SHORT = { code: 'cut_short' };

function mayBeCutShort(calls: readonly Call[], answers: readonly object[], index: number): boolean {
  const { kind, recipient } = calls[index] as Call;
  const deletes = (each: Call, at: number): boolean =>
    each.kind === 'ack' &&
    each.recipient === recipient &&
    ((answers[at] as Partial<AckResult>).deleted ?? 0) > 0;
  return kind === 'pull' && calls.some(deletes);
}
