import assert from 'node:assert/strict';
import type { Message, MessageKey, NewMessage } from '../../src/message.ts';
import type { AckResult, Page } from '../../src/stores/store.ts';
import { Copies, type Copy, distinctNames } from './copies.ts';
import type { TimeBounds } from './time-bounds.ts';

/** An ack that was called. */
export interface AckCall {
  readonly names: readonly string[];
  readonly round: number;
  readonly calledMs: number;
}

/** Until when a key must be, and may be, remembered, in the store's time. */
interface Memory {
  readonly sureUntilMs: number;
  readonly maybeUntilMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/**
 * What the clients of a store were told, and so what must be found whatever happens to its disk. It hears of all calls of
 * a round, then of the answers: pulls, pushes that were stored, pushes without an answer, other pushes, acks.
 */
export class Ledger {
  readonly time: TimeBounds;
  readonly #windowMs: number;
  readonly #copies: Copies;
  readonly #memories = new Map<string, Memory>();
  #round = 0;
  /** How many acks of this round name a key. */
  #acking = new Map<string, number>();
  /** Keys that acks of this round answered for. */
  #acked: string[] = [];
  #failedPushes: Copy[] = [];
  #failedAcks: AckCall[] = [];
  /** What acks without an answer would have deleted, each whole or not at all. */
  #openAcks: Copy[][] = [];

  constructor(limits: { messageTtlMs: bigint; dedupWindowMs: number }, time: TimeBounds) {
    this.time = time;
    this.#windowMs = limits.dedupWindowMs;
    this.#copies = new Copies(time, Number(limits.messageTtlMs));
  }

  /** The disk gives other bytes than were flushed, or none: messages may be gone from here on, and never be other ones. */
  damaged(): void {
    this.#copies.mayBeDamaged = true;
  }

  get mayBeDamaged(): boolean {
    return this.#copies.mayBeDamaged;
  }

  beginRound(): void {
    this.#round++;
    this.#acking = new Map();
  }

  callPush(message: NewMessage): Copy {
    return this.#copies.add(message, this.#round);
  }

  callAck(recipient: string, keys: readonly MessageKey[]): AckCall {
    const names = distinctNames(recipient, keys);
    for (const name of names) this.#acking.set(name, (this.#acking.get(name) ?? 0) + 1);
    return { names, round: this.#round, calledMs: this.time.lowMs };
  }

  pulled(recipient: string, afterSeq: number, page: Page): void {
    for (const copy of this.#shown(recipient, afterSeq, page.messages)) {
      if (copy.state === 'maybe' && !this.#acking.has(copy.key)) copy.state = 'sure';
    }
  }

  pushStored(copy: Copy): void {
    const { key } = copy;
    const others = this.#copies.of(key).filter((other) => other !== copy);
    if (!this.#acking.has(key)) {
      assert.ok(!others.some((other) => this.#copies.mustLive(other)), `stored twice: ${key}`);
      const remembered = (this.#memories.get(key)?.sureUntilMs ?? NEVER) > this.time.highMs;
      assert.ok(!remembered, `acked, forgotten and stored again: ${key}`);
    }
    for (const other of others) if (other.state === 'maybe' || !this.#isNew(other)) other.state = 'gone';
    copy.state = 'sure';
    copy.bornMaxMs = Math.min(copy.bornMaxMs, this.time.highMs);
    this.#flushed(copy.bornMinMs);
  }

  pushDuplicate(copy: Copy): void {
    const { key } = copy;
    this.#neverShown(copy);
    copy.state = 'gone';
    const originals = this.#copies.of(key).filter((other) => this.#copies.mayLive(other));
    const remembered =
      (this.#memories.get(key)?.maybeUntilMs ?? NEVER) > this.time.lowMs || this.#acking.has(key);
    assert.ok(remembered || originals.length > 0, `called a duplicate, so lost: ${key}`);
    const [original] = originals;
    if (!remembered && originals.length === 1 && original?.state === 'maybe') original.state = 'sure';
  }

  pushFailed(copy: Copy): void {
    this.#neverShown(copy);
    copy.state = 'failed';
    copy.bornMaxMs = this.time.highMs;
    this.#failedPushes.push(copy);
  }

  pushUnanswered(copy: Copy): void {
    copy.state = copy.seq === undefined ? 'maybe' : 'sure';
    copy.bornMaxMs = Math.min(copy.bornMaxMs, this.time.highMs);
  }

  ackAnswered({ names, calledMs }: AckCall, { deleted, missing }: AckResult): void {
    const may = names.filter((name) =>
      this.#copies.of(name).some((copy) => this.#isNew(copy) || this.#copies.mayLive(copy)),
    );
    const must = names.filter((name) =>
      this.#copies.of(name).some((copy) => !this.#isNew(copy) && this.#copies.mustLive(copy)),
    );
    const alone = must.filter((name) => this.#acking.get(name) === 1).length;
    assert.equal(deleted + missing, names.length);
    assert.ok(deleted >= alone, `acked ${deleted}, but ${alone} were there: ${names}`);
    assert.ok(deleted <= may.length, `acked ${deleted}, but at most ${may.length} were there: ${names}`);
    for (const name of may) this.#remember(name, must.includes(name) ? calledMs : NEVER);
    this.#acked.push(...names);
    if (deleted > 0) this.#flushed(calledMs);
  }

  ackFailed(call: AckCall): void {
    this.#failedAcks.push(call);
  }

  ackUnanswered({ names, round }: AckCall): void {
    const copies = names.flatMap((name) => this.#copies.of(name));
    const alone = (copy: Copy) => copy.round < round && !((this.#acking.get(copy.key) ?? 0) > 1);
    this.#openAcks.push(copies.filter((copy) => copy.state === 'sure' && alone(copy)));
    for (const copy of copies) {
      if (copy.state === 'sure') copy.state = 'maybe';
      if (copy.state === 'maybe') this.#remember(copy.key, NEVER);
    }
  }

  endRound(): void {
    for (const copy of this.#acked.flatMap((name) => this.#copies.of(name))) {
      if (copy.state !== 'sure' && copy.state !== 'maybe') continue;
      // Missing because it was due: after a crash with the clock set back it may be there again for a while.
      const isOpen = this.#isNew(copy) || this.#copies.mayBeMissing(copy);
      copy.state = isOpen ? 'maybe' : 'gone';
    }
    this.#acked = [];
  }

  /** The store is gone and opened again. What had failed may have reached the disk nevertheless. */
  restarted(): void {
    for (const copy of this.#failedPushes) if (copy.state === 'failed') copy.state = 'maybe';
    for (const call of this.#failedAcks) this.ackUnanswered(call);
    this.#failedPushes = [];
    this.#failedAcks = [];
    this.#acking = new Map();
    this.time.restart();
  }

  /** Compares with all that lives in all mailboxes, while nothing is on its way; what was open is known afterwards. */
  look(mailboxes: ReadonlyMap<string, readonly Message[]>): void {
    const present = new Set<Copy>();
    for (const [recipient, messages] of mailboxes) {
      const shown = this.#shown(recipient, 0, messages);
      for (const [index, copy] of shown.entries()) {
        assert.ok(copy.round >= (shown[index - 1]?.round ?? 0), `out of order: ${copy.key}`);
        present.add(copy);
      }
      assert.equal(new Set(shown.map(({ key }) => key)).size, shown.length, 'no key is there twice');
    }
    const bySeq = [...mailboxes.values()].flat().sort((a, b) => a.seq - b.seq);
    for (const [index, { seq, arrivalMs }] of bySeq.entries()) {
      assert.ok(seq > (bySeq[index - 1]?.seq ?? 0), 'no seq is there twice');
      assert.ok(arrivalMs >= (bySeq[index - 1]?.arrivalMs ?? 0), 'time never runs back');
    }
    for (const ack of this.#openAcks) {
      const kept = ack.filter((copy) => present.has(copy)).length;
      const due = ack.some((copy) => this.#copies.mayBeMissing(copy));
      assert.ok(due || kept === 0 || kept === ack.length, 'an ack is whole or not at all');
    }
    this.#openAcks = [];
    for (const copy of this.#copies.all()) this.#collapse(copy, present.has(copy));
  }

  #collapse(copy: Copy, present: boolean): void {
    if (present) copy.state = 'sure';
    if (present || !this.#copies.mayLive(copy)) return;
    assert.ok(!this.#copies.mustLive(copy), `missing: ${copy.key}`);
    copy.state = this.#copies.mayBeMissing(copy) ? 'maybe' : 'gone';
  }

  #shown(recipient: string, afterSeq: number, messages: readonly Message[]): Copy[] {
    for (const [index, { seq }] of messages.entries()) {
      assert.ok(seq > (messages[index - 1]?.seq ?? afterSeq), 'a page is in the order of seqs');
    }
    return messages.map((message) => this.#copies.shown(recipient, message));
  }

  #neverShown({ seq, key }: Copy): void {
    assert.equal(seq, undefined, `shown, yet not stored: ${key}`);
  }

  #isNew(copy: Copy): boolean {
    return copy.round === this.#round;
  }

  /** A batch of an operation that was called at `calledMs` is flushed: what had failed before can never come back. */
  #flushed(calledMs: number): void {
    this.time.durable(calledMs);
    for (const copy of this.#failedPushes) {
      if (copy.state === 'failed' && !this.#isNew(copy)) copy.state = 'gone';
    }
    this.#failedPushes = this.#failedPushes.filter((copy) => this.#isNew(copy));
    this.#failedAcks = this.#failedAcks.filter((call) => call.round === this.#round);
  }

  #remember(name: string, sureFromMs: number): void {
    if (this.#windowMs === 0) return;
    const known = this.#memories.get(name);
    this.#memories.set(name, {
      sureUntilMs: Math.max(known?.sureUntilMs ?? NEVER, sureFromMs + this.#windowMs),
      maybeUntilMs: Math.max(known?.maybeUntilMs ?? NEVER, this.time.highMs + this.#windowMs),
    });
  }
}
