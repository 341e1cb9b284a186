import { pushBody } from './client.ts';
import { isDue, type Known, mayBeDue, mustLive } from './known.ts';
import type { Mail } from './mail.ts';
import { hold } from './violation.ts';
import { Walk } from './walk.ts';
import type { Wire } from './wire.ts';

/** Payloads up to this are sent at once. */
const WHOLE_BYTES_MAX = 262_144;

/** Checks everything that a relay has against what its clients know, while nothing is on its way. */
export async function look(wire: Wire, mail: Mail, recipients: readonly string[]): Promise<void> {
  const present = new Set<Known>();
  for (const shown of await Promise.all(recipients.map((each) => lookInto(wire, mail, each)))) {
    for (const known of shown) present.add(known);
  }
  mail.settle(present);
  mail.counts.compared += present.size;
}

/** All of a mailbox; what the relay says of its length and its bytes equals a recount. */
async function lookInto(wire: Wire, mail: Mail, recipient: string): Promise<ReadonlySet<Known>> {
  const walk = new Walk(mail, recipient);
  const startMs = Date.now();
  const dueSince = (sinceMs: number) =>
    [...mail.in(recipient).values()].filter(
      (known) => known.state !== 'acked' && !isDue(known, sinceMs) && mayBeDue(known, Date.now()),
    );
  // A message that falls due while its payload is sent cuts the answer off; only of long ones is there more than is sent at once.
  for (let askedMs = startMs; !(await walk.finish(wire, 256)); askedMs = Date.now())
    hold(dueSince(askedMs).some(isLong), () => `a pull of ${recipient} was not answered`);
  // What falls due in between may be shown, or counted, or not.
  const counted = new Recount([...new Set([...walk.seen, ...dueSince(startMs)])]);
  counted.check(walk.firstEstimate, 'remaining_estimate', one);
  const acked = await wire.post('/ack', { recipient, ack: [] });
  counted.check(acked?.body.remaining, 'remaining', one);
  const probe = [...walk.seen].find((known) => mustLive(known, Date.now() + 1_000));
  const [payload] = probe?.payloads ?? [];
  if (probe === undefined || payload === undefined) return walk.seen;
  const again = await wire.post('/push', pushBody(probe, payload));
  // On a full disk it may be refused, as every push may.
  if (again?.status !== 200) return walk.seen;
  hold(again.body.duplicate === true, () => `stored again: ${JSON.stringify(again.body)}`);
  counted.check(again.body.queue_len, 'queue_len', one);
  counted.check(again.body.queue_bytes, 'queue_bytes', payloadBytes);
  return walk.seen;
}

function isLong({ payloads }: Known): boolean {
  return payloads.some(({ length }) => length > WHOLE_BYTES_MAX);
}

/** What a mailbox holds, counted from what was shown. */
class Recount {
  readonly #shown: readonly Known[];

  constructor(shown: readonly Known[]) {
    this.#shown = shown;
  }

  check(said: unknown, what: string, amountOf: (known: Known) => number): void {
    const nowMs = Date.now();
    const sum = (counted: readonly Known[]) => counted.reduce((total, known) => total + amountOf(known), 0);
    const max = sum(this.#shown);
    const min = sum(this.#shown.filter((known) => !mayBeDue(known, nowMs)));
    hold(
      typeof said === 'number' && said >= min && said <= max,
      () => `${what} is ${said}, not ${min} to ${max}`,
    );
  }
}

function one(): number {
  return 1;
}

function payloadBytes({ payloads: [payload] }: Known): number {
  return payload?.length ?? 0;
}
