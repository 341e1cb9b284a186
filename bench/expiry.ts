import { drive } from './drive.ts';
import { median, percentile } from './figures.ts';
import { pace } from './pace.ts';
import { newRecipient } from './requests.ts';
import { endlessPushes, fill, type Outcome, type Scenario, times } from './scenario.ts';
import type { Stage } from './stage.ts';

const CONNECTIONS = 64;
const MESSAGES_PER_MAILBOX = 100;
/** Messages that live on, at the old end of the log: the cleaner has to write them anew to give up what has expired. */
const LASTING_MESSAGES = 20_000;
/** Past before the sweep; long enough that no message of a round expires within it. */
const TTL_SECONDS = 6;
const WARM_UP_SECONDS = 1;
const ROUND_SECONDS = 3;

const quietly = { 'relay.message_ttl_seconds': `${TTL_SECONDS}`, 'relay.gc_interval_seconds': '3_600' };
/** Its sweep comes in the middle of a round, and finds all that has expired. */
const busily = { ...quietly, 'relay.gc_interval_seconds': '2' };

/** How much longer pushes take while very many messages expire and the cleaner works. */
export const expiryScenario: Scenario = {
  name: 'expiry',
  about: 'pushes of 1 KiB at half of the highest rate while many messages expire, and while none does',
  pushConnections: CONNECTIONS,
  settings: {},
  async run(stage): Promise<Outcome> {
    const { restart, effort } = stage;
    if (restart === undefined) throw new Error('only for a relay that can be started anew');
    await fill(stage, times(LASTING_MESSAGES / MESSAGES_PER_MAILBOX, newRecipient), LASTING_MESSAGES);
    await restart('SIGTERM', quietly);
    const { requests, seconds } = await drive(stage.relay, endlessPushes(CONNECTIONS, 1024), effort.seconds);
    const pushesPerSecond = requests / seconds / 2;

    const pairs: { quietMs: number; busyMs: number }[] = [];
    while (pairs.length < effort.expiryPairs) {
      await fillForgotten(stage, effort.expiringMessages);
      await restart('SIGTERM', quietly);
      const quietMs = await p99Ms(stage, pushesPerSecond);
      await restart('SIGTERM', busily);
      const busyMs = await p99Ms(stage, pushesPerSecond);
      await checkExpired(stage, effort.expiringMessages);
      pairs.push({ quietMs, busyMs });
    }
    return {
      figures: {
        pushesPerSecond,
        quietP99Ms: median(pairs.map(({ quietMs }) => quietMs)),
        busyP99Ms: median(pairs.map(({ busyMs }) => busyMs)),
        busyToQuiet: median(pairs.map(({ quietMs, busyMs }) => busyMs / quietMs)),
      },
    };
  },
};

/** Fills one mailbox after another: what has expired in a mailbox goes when it is next used, and none of these is. */
function fillForgotten(stage: Stage, messages: number): Promise<unknown> {
  const mailboxes = times(messages / MESSAGES_PER_MAILBOX, newRecipient);
  return fill(
    stage,
    mailboxes.flatMap((mailbox) => times(MESSAGES_PER_MAILBOX, () => mailbox)),
    messages,
  );
}

async function p99Ms({ relay }: Stage, perSecond: number): Promise<number> {
  await pace(relay, endlessPushes(CONNECTIONS, 1024), perSecond, WARM_UP_SECONDS);
  const { latenciesMs } = await pace(relay, endlessPushes(CONNECTIONS, 1024), perSecond, ROUND_SECONDS);
  return percentile(latenciesMs, 0.99);
}

async function checkExpired({ relay }: Stage, messages: number): Promise<void> {
  const stats = (await (await fetch(`${relay.url}/stats`)).json()) as { metrics: { gc_removed: number } };
  const removed = stats.metrics.gc_removed;
  if (removed < messages) throw new Error(`${removed} messages of ${messages} expired in the round`);
}
