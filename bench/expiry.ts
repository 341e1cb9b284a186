import { setTimeout as sleep } from 'node:timers/promises';
import { drive } from './drive.ts';
import { median, percentile } from './figures.ts';
import { pace } from './pace.ts';
import { newRecipient } from './requests.ts';
import { endlessPushes, fill, KIB, type Outcome, type Scenario, times } from './scenario.ts';
import type { Stage } from './stage.ts';

const CONNECTIONS = 64;
const MESSAGES_PER_MAILBOX = 100;
/** Messages that live on, at the old end of the log: the cleaner has to write them anew to give up what has expired. */
const LASTING_MESSAGES = 20_000;
const WARM_UP_SECONDS = 1;
const ROUND_SECONDS = 3;
/** Of the round in which messages expire. */
const SECONDS_BEFORE_SWEEP = 1;
/** All that came before the rounds is due at the sweep, and nothing that comes in the round around it. */
const TTL_SECONDS = 4;

/** How much longer pushes take while very many messages expire and the cleaner works. */
export const expiryScenario: Scenario = {
  name: 'expiry',
  about: 'pushes of 1 KiB at half of the highest rate while many messages expire, and while none does',
  pushConnections: CONNECTIONS,
  // None that differ, but the relay has to be started here.
  settings: {},
  async run(stage): Promise<Outcome> {
    await fill(stage, times(LASTING_MESSAGES / MESSAGES_PER_MAILBOX, newRecipient), LASTING_MESSAGES);
    const { requests, seconds } = await drive(
      stage.relay,
      endlessPushes(CONNECTIONS, KIB),
      stage.effort.seconds,
    );
    const highestPerSecond = requests / seconds;
    const pairs: Pair[] = [];
    while (pairs.length < stage.effort.expiryPairs) pairs.push(await measurePair(stage, highestPerSecond));
    return {
      figures: {
        pushesPerSecond: highestPerSecond / 2,
        quietP99Ms: median(pairs.map(({ quietMs }) => quietMs)),
        busyP99Ms: median(pairs.map(({ busyMs }) => busyMs)),
        busyToQuiet: median(pairs.map(({ quietMs, busyMs }) => busyMs / quietMs)),
      },
    };
  },
};

/** The p99 of a round without a sweep, and of one with it. */
interface Pair {
  readonly quietMs: number;
  readonly busyMs: number;
}

async function measurePair(stage: Stage, highestPerSecond: number): Promise<Pair> {
  const { restart, effort } = stage;
  if (restart === undefined) throw new Error('only for a relay that can be started anew');
  // Twice as long as it should take.
  const fillSeconds = 2 * (effort.expiringMessages / highestPerSecond);
  const sweepSeconds = Math.ceil(fillSeconds + WARM_UP_SECONDS + ROUND_SECONDS + SECONDS_BEFORE_SWEEP);
  await restart('SIGTERM', {
    'relay.message_ttl_seconds': `${TTL_SECONDS}`,
    'relay.gc_interval_seconds': `${sweepSeconds}`,
  });
  const busyAtMs = performance.now() + (sweepSeconds - SECONDS_BEFORE_SWEEP) * 1000;
  await fillForgotten(stage, effort.expiringMessages);
  await pushesP99Ms(stage, highestPerSecond / 2, WARM_UP_SECONDS);
  const quietMs = await pushesP99Ms(stage, highestPerSecond / 2, ROUND_SECONDS);
  if (performance.now() > busyAtMs)
    throw new Error('the sweep came too early: pushes are slower than they were');
  await sleep(busyAtMs - performance.now());
  const busyMs = await pushesP99Ms(stage, highestPerSecond / 2, ROUND_SECONDS);
  await checkExpired(stage, effort.expiringMessages);
  return { quietMs, busyMs };
}

/** Fills one mailbox after another: what has expired in a mailbox goes when it is next used, and none of these is. */
async function fillForgotten(stage: Stage, messages: number): Promise<void> {
  const mailboxes = times(messages / MESSAGES_PER_MAILBOX, newRecipient);
  await fill(
    stage,
    mailboxes.flatMap((mailbox) => times(MESSAGES_PER_MAILBOX, () => mailbox)),
    messages,
  );
}

async function pushesP99Ms({ relay }: Stage, perSecond: number, seconds: number): Promise<number> {
  const { latenciesMs } = await pace(relay, endlessPushes(CONNECTIONS, KIB), perSecond, seconds);
  return percentile(latenciesMs, 0.99);
}

async function checkExpired({ relay }: Stage, messages: number): Promise<void> {
  const stats = (await (await fetch(`${relay.url}/stats`)).json()) as { metrics: { gc_removed: number } };
  const removed = stats.metrics.gc_removed;
  if (removed < messages) throw new Error(`${removed} messages expired in the round, of ${messages}`);
}
