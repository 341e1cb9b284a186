import { setTimeout as pause } from 'node:timers/promises';
import { below, chance, pick, type Random } from '../test/simulation/random.ts';
import { type Known, mustLive } from './known.ts';
import type { Attempt, Mail } from './mail.ts';
import { bytesOf, drawPayload, type Payload } from './payload.ts';
import { hold, Violation } from './violation.ts';
import { Walk } from './walk.ts';
import type { Answer, Wire } from './wire.ts';

/** What the clients of a round have in common. */
export interface Load {
  readonly wire: Wire;
  readonly mail: Mail;
  readonly recipients: readonly string[];
  /** Aborted when the clients are to stop. */
  readonly over: AbortSignal;
  /** Of what clients do, 0 … 1. */
  readonly ackShare: number;
  /** Of the longer payloads. */
  readonly payloadScale: number;
  /** Whether a push may be answered 503: on a disk that is full. */
  readonly mayRefuse: boolean;
}

const TRIES = 4;
const RETRY_AFTER_MS = 200;
/** What is pushed again must be there, or remembered, for as long as a stopped relay may take to hear of it. */
const SURE_FOR_MS = 12_000;

/** A client that does one thing at a time, and tries again where no answer comes, as the daemons in the field do. */
export class Client {
  readonly #random: Random;
  /** A push that was never answered, to be tried again by the next load. */
  #unanswered: { known: Known; payload: Payload } | undefined;
  #lastId = '';
  #chunksLeft = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async run(load: Load): Promise<void> {
    const walks = new Map<string, Walk>();
    await this.#retry(load);
    while (!load.over.aborted) {
      const recipient = pick(this.#random, load.recipients);
      const dice = this.#random();
      if (dice < load.ackShare) await this.#ack(load, recipient);
      else if (dice < load.ackShare + 0.1) await this.#pull(load, recipient, walks);
      else if (dice < load.ackShare + 0.16) await this.#pushAgain(load, recipient);
      else await this.#pushNew(load, recipient);
    }
  }

  /** What had no answer is sent once more: where it was found after the restart, it must be a duplicate, else it is stored. */
  async #retry(load: Load): Promise<void> {
    const left = this.#unanswered;
    this.#unanswered = undefined;
    if (left === undefined) return;
    const known = load.mail.find(left.known) ?? load.mail.add(left.known);
    if (known.state === 'open' || (!known.busy && isSure(known))) await this.#push(load, known, left.payload);
  }

  async #pushNew(load: Load, recipient: string): Promise<void> {
    if (this.#chunksLeft === 0) {
      this.#chunksLeft = chance(this.#random, 0.2) ? 1 + below(this.#random, 4) : 1;
      this.#lastId = drawId(this.#random);
    }
    const chunkCount = 5;
    const known = load.mail.add({
      recipient,
      messageId: this.#lastId,
      chunkIndex: --this.#chunksLeft,
      chunkCount,
    });
    const payload = drawPayload(this.#random, load.payloadScale);
    if (chance(this.#random, 0.1)) await this.#pushTwice(load, known, payload);
    else await this.#push(load, known, payload);
  }

  /** The same message with other bytes at the same time: one of them is stored. */
  async #pushTwice(load: Load, known: Known, payload: Payload): Promise<void> {
    known.busy = true;
    const payloads = [payload, drawPayload(this.#random, load.payloadScale)];
    known.payloads = payloads;
    load.mail.pushed(known, await Promise.all(payloads.map((each) => attempt(load, known, each))));
    known.busy = known.state !== 'kept';
  }

  /** What is there already, or was acked a while ago: with its own bytes, or with others. */
  async #pushAgain(load: Load, recipient: string): Promise<void> {
    const [known] = this.#choose(load.mail, recipient, 1, (each) =>
      each.state === 'acked' ? each.rememberedUntilMs > Date.now() + SURE_FOR_MS : isSure(each),
    );
    if (known === undefined) return;
    const [own] = known.payloads;
    const payload = own !== undefined && chance(this.#random, 0.5) ? own : drawPayload(this.#random);
    await this.#push(load, known, payload);
  }

  async #push(load: Load, known: Known, payload: Payload): Promise<void> {
    known.busy = true;
    if (known.payloads.length === 0) known.payloads = [payload];
    const attempts: Attempt[] = [];
    do {
      if (attempts.length > 0) await pause(RETRY_AFTER_MS);
      attempts.push(await attempt(load, known, payload));
    } while (attempts.at(-1)?.outcome === 'unanswered' && attempts.length < TRIES && !load.over.aborted);
    load.mail.pushed(known, attempts);
    if (known.state === 'open') this.#unanswered = { known, payload };
    known.busy = known.state === 'open';
    if (attempts.at(-1)?.outcome === 'refused') await pause(20);
  }

  /** Some that are there, one that never was, and some of them named twice. */
  async #ack(load: Load, recipient: string): Promise<void> {
    const { mail, wire, over } = load;
    const count = chance(this.#random, 0.1) ? below(this.#random, 60) : 1 + below(this.#random, 4);
    const named = this.#choose(mail, recipient, count, (known) => known.state === 'kept');
    const absent = chance(this.#random, 0.1) ? 1 : 0;
    const entries = named.map(({ messageId, chunkIndex }) => ({
      message_id: messageId,
      chunk_index: chunkIndex,
    }));
    if (chance(this.#random, 0.2)) entries.push(...entries.slice(0, 2));
    if (absent > 0) entries.push({ message_id: drawId(this.#random), chunk_index: 0 });
    if (entries.length === 0) return;
    mail.acking(named);
    const sentMs = Date.now();
    for (let tries = 1; tries <= TRIES && !(tries > 1 && over.aborted); tries++) {
      if (tries > 1) await pause(RETRY_AFTER_MS);
      const answer = await wire.post('/ack', { recipient, ack: entries });
      if (answer === undefined) continue;
      hold(
        answer.status === 200,
        () => `an ack was answered ${answer.status} ${JSON.stringify(answer.body)}`,
      );
      return mail.ackAnswered({ named, absent, sentMs, tries }, answer.body);
    }
    mail.ackUnanswered({ named, absent, sentMs, tries: TRIES });
  }

  /** A page of a walk that may have begun long ago, or all of a mailbox. */
  async #pull(load: Load, recipient: string, walks: Map<string, Walk>): Promise<void> {
    const walk = walks.get(recipient) ?? new Walk(load.mail, recipient);
    const max = 1 + below(this.#random, chance(this.#random, 0.3) ? 256 : 10);
    walks.set(recipient, walk);
    const goesOn = chance(this.#random, 0.9)
      ? await walk.next(load.wire, max)
      : !(await walk.finish(load.wire, 256));
    if (!goesOn) walks.delete(recipient);
  }

  /** Some of those around a random place of a mailbox, so that others stay for long. */
  #choose(mail: Mail, recipient: string, count: number, fits: (known: Known) => boolean): Known[] {
    const mailbox = [...mail.in(recipient).values()];
    const from = below(this.#random, mailbox.length + 1);
    const near = mailbox.slice(from, from + 20 + count);
    return near.filter((known) => !known.busy && fits(known)).slice(0, count);
  }
}

function isSure(known: Known): boolean {
  return known.payloads.length === 1 && mustLive(known, Date.now() + SURE_FOR_MS);
}

/** Sends a push once. */
async function attempt({ wire, mayRefuse }: Load, known: Known, payload: Payload): Promise<Attempt> {
  const answer = await wire.post('/push', pushBody(known, payload));
  return { payload, outcome: outcomeOf(answer, mayRefuse) };
}

export function pushBody({ recipient, messageId, chunkIndex, chunkCount }: Known, payload: Payload): object {
  return {
    recipient,
    message_id: messageId,
    ciphertext_b64: bytesOf(payload).toString('base64'),
    meta: {
      kind: 'sealed',
      total_len: payload.length,
      chunk_index: chunkIndex,
      chunk_count: chunkCount,
      sent_ms: payload.offset,
    },
  };
}

function outcomeOf(answer: Answer | undefined, mayRefuse: boolean): Attempt['outcome'] {
  if (answer === undefined) return 'unanswered';
  const { status, body } = answer;
  if (status === 200 && body.stored === true) return 'stored';
  if (status === 200 && body.stored === false && body.duplicate === true) return 'duplicate';
  if (mayRefuse && status === 503 && body.error.code === 'storage_error') return 'refused';
  throw new Violation(`a push was answered ${status} ${JSON.stringify(body)}`);
}

function drawId(random: Random): string {
  const hex = (digits: number) =>
    below(random, 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
}
