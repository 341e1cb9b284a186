import { describe, isDue, type Known, keyOf, mayBeDue, mustLive, SLACK_MS } from './known.ts';
import type { Payload } from './payload.ts';
import { hold } from './violation.ts';

/** A push that was sent, and what came of it. */
export interface Attempt {
  readonly payload: Payload;
  readonly outcome: 'stored' | 'duplicate' | 'refused' | 'unanswered';
}

/** An ack: what it names that is there, and how often it was sent. */
export interface AckAttempts {
  readonly named: readonly Known[];
  /** Distinct keys among those that it names besides, which were never pushed. */
  readonly absent: number;
  readonly sentMs: number;
  readonly tries: number;
}

/**
 * All that the clients of a relay know of their mail, and the rules that follow from what they were told. It forgets what
 * is acked or expired, so what it keeps is bounded by what is queued; a message that it does not know and that is shown
 * nevertheless has come back, or was never pushed.
 */
export class Mail {
  /** How long the relay keeps what is pushed from now on. */
  ttlMs = 0;
  readonly counts = { pushes: 0, duplicates: 0, refusals: 0, acks: 0, shown: 0, unanswered: 0, compared: 0 };
  readonly #dedupWindowMs: number;
  readonly #byRecipient: ReadonlyMap<string, Map<string, Known>>;
  #unansweredAcks: (readonly Known[])[] = [];
  #ticks = 0;

  constructor(recipients: readonly string[], dedupWindowMs: number) {
    this.#dedupWindowMs = dedupWindowMs;
    this.#byRecipient = new Map(recipients.map((recipient) => [recipient, new Map()]));
  }

  /** The next moment: of two events the one with the lower tick was first. */
  tick(): number {
    return ++this.#ticks;
  }

  in(recipient: string): ReadonlyMap<string, Known> {
    return this.#of(recipient);
  }

  find(known: Known): Known | undefined {
    return this.#of(known.recipient).get(keyOf(known));
  }

  /** Payload of what is there for sure. */
  get queuedBytes(): number {
    const all = [...this.#byRecipient.values()].flatMap((mailbox) => [...mailbox.values()]);
    const kept = all.filter(({ state }) => state === 'kept');
    return kept.reduce((sum, { payloads: [payload] }) => sum + (payload?.length ?? 0), 0);
  }

  /** A message that is about to be pushed for the first time. */
  add(parts: Pick<Known, 'recipient' | 'messageId' | 'chunkIndex' | 'chunkCount'>): Known {
    const known: Known = {
      ...parts,
      state: 'open',
      payloads: [],
      ttlsMs: [this.ttlMs],
      sentTick: this.tick(),
      answeredTick: Number.POSITIVE_INFINITY,
      ackedTick: Number.POSITIVE_INFINITY,
      bornMinMs: Date.now(),
      bornMaxMs: Number.POSITIVE_INFINITY,
      rememberedUntilMs: 0,
      busy: false,
    };
    this.#of(known.recipient).set(keyOf(known), known);
    return known;
  }

  /** What the pushes of one message came to, sent one behind the other or at once; the relay keeps one payload. */
  pushed(known: Known, attempts: readonly Attempt[]): void {
    const of = outcomesIn(attempts);
    this.counts.pushes += of('stored').length;
    this.counts.duplicates += of('duplicate').length;
    this.counts.refusals += of('refused').length;
    this.counts.unanswered += of('unanswered').length;
    if (known.state === 'kept' || known.state === 'acked') this.#pushedAgain(known, attempts);
    else this.#pushedFirst(known, attempts);
  }

  #pushedFirst(known: Known, attempts: readonly Attempt[]): void {
    const of = outcomesIn(attempts);
    const stored = of('stored');
    hold(stored.length <= 1, () => `stored twice: ${describe(known)}`);
    const open = of('unanswered');
    const isDuplicate = stored.length === 0 && of('duplicate').length > 0;
    hold(!isDuplicate || open.length > 0, () => `called a duplicate of what was lost: ${describe(known)}`);
    known.payloads = (stored.length > 0 ? stored : open).map(({ payload }) => payload);
    if (stored.length === 0 && !isDuplicate) {
      known.state = open.length > 0 ? 'open' : 'refused';
      return;
    }
    known.state = 'kept';
    known.answeredTick = this.tick();
    known.bornMaxMs = Date.now();
  }

  /** Ends the pushes of a message that the relay has, or remembers: they are duplicates. */
  #pushedAgain(known: Known, attempts: readonly Attempt[]): void {
    const nowMs = Date.now();
    const sure =
      known.state === 'acked' ? known.rememberedUntilMs > nowMs + SLACK_MS : mustLive(known, nowMs);
    const stored = attempts.some(({ outcome }) => outcome === 'stored');
    hold(!sure || !stored, () => `stored again: ${describe(known)}`);
    if (sure) return;
    known.state = 'open';
    known.payloads = [...known.payloads, ...attempts.map(({ payload }) => payload)];
    known.ttlsMs = [...known.ttlsMs, this.ttlMs];
    known.answeredTick = Number.POSITIVE_INFINITY;
    known.ackedTick = Number.POSITIVE_INFINITY;
    known.bornMaxMs = Number.POSITIVE_INFINITY;
  }

  /** An ack is about to be sent. */
  acking(named: readonly Known[]): void {
    for (const known of named) known.state = 'acking';
  }

  ackAnswered(ack: AckAttempts, { deleted, missing }: { deleted: number; missing: number }): void {
    const { named, absent, sentMs, tries } = ack;
    const nowMs = Date.now();
    const sure = named.filter((known) => !mayBeDue(known, nowMs)).length;
    const text = () =>
      `an ack of ${named.length} (${sure} sure) and ${absent} absent: ${deleted}, ${missing}`;
    hold(deleted + missing === named.length + absent, text);
    hold(deleted <= named.length, text);
    // A try without an answer may have deleted them all.
    hold(deleted >= sure || (tries > 1 && deleted === 0), text);
    const tick = this.tick();
    // What was missing, as it was due, is not remembered.
    const rememberedUntilMs = sure === named.length ? sentMs + this.#dedupWindowMs : 0;
    for (const known of named) Object.assign(known, { state: 'acked', ackedTick: tick, rememberedUntilMs });
    this.counts.acks += deleted;
  }

  ackUnanswered({ named }: AckAttempts): void {
    this.counts.unanswered++;
    this.#unansweredAcks.push(named);
  }

  /** The relay is gone: what it refused may come back with its files. */
  restarted(): void {
    for (const mailbox of this.#byRecipient.values()) {
      for (const known of mailbox.values()) if (known.state === 'refused') known.state = 'open';
    }
  }

  /** Everything was looked at while nothing was on its way, and these were there: what was open is known now. */
  settle(present: ReadonlySet<Known>): void {
    const nowMs = Date.now();
    for (const named of this.#unansweredAcks) {
      const there = named.filter((known) => present.has(known)).length;
      const due = named.some((known) => mayBeDue(known, nowMs));
      hold(due || there === 0 || there === named.length, () => `an ack in part: ${named.map(describe)}`);
    }
    this.#unansweredAcks = [];
    for (const mailbox of this.#byRecipient.values()) {
      for (const known of mailbox.values())
        if (!this.#settle(known, present.has(known), nowMs)) mailbox.delete(keyOf(known));
    }
  }

  /** Whether it is still of interest. */
  #settle(known: Known, present: boolean, nowMs: number): boolean {
    known.busy = false;
    if (present) {
      known.state = 'kept';
      known.answeredTick = Math.min(known.answeredTick, this.#ticks);
      return true;
    }
    hold(!mustLive(known, nowMs), () => `lost: ${describe(known)}`);
    if (known.state === 'kept') return !isDue(known, nowMs);
    return known.state === 'acked' ? known.rememberedUntilMs > nowMs : known.state === 'refused';
  }

  #of(recipient: string): Map<string, Known> {
    const mailbox = this.#byRecipient.get(recipient);
    if (mailbox === undefined) throw new Error(`nobody is called ${recipient}`);
    return mailbox;
  }
}

function outcomesIn(attempts: readonly Attempt[]): (outcome: Attempt['outcome']) => Attempt[] {
  return (outcome) => attempts.filter((attempt) => attempt.outcome === outcome);
}
