import { compare } from './compare.ts';
import { drive, type Load } from './drive.ts';
import { median } from './figures.ts';
import { newRecipient } from './requests.ts';
import { fill, type Outcome, type Scenario, times } from './scenario.ts';
import { drain, emptyPulls, fullPages, PAGE_MESSAGES, readThrough, type Script } from './scripts.ts';
import type { Stage } from './stage.ts';

/** Share of all pages that counts as the first ones, and as the last. */
const END_SHARE = 0.1;
/** After one reading a relay's code is still being compiled. */
const WARM_UP_READERS = 4;

/** Pages of 256 messages of 1 KiB, next to a bare server for which such a page is a constant. */
export const pageScenarios: readonly Scenario[] = [
  {
    name: 'pages',
    about: 'one connection pages through a full mailbox with its cursor, without acks',
    pushConnections: 0,
    run: alone,
  },
  {
    name: 'pages-interleaved',
    about: 'one connection pulls a page each of 1,001 mailboxes whose messages came in turn',
    pushConnections: 0,
    run: interleaved,
  },
  {
    name: 'drain',
    about: 'one connection pulls and acks a full mailbox, page by page',
    pushConnections: 0,
    run: drained,
  },
];

async function alone(stage: Stage): Promise<Outcome> {
  const { effort } = stage;
  const recipient = newRecipient();
  await fill(stage, [recipient], effort.queueMessages);
  const readOnce = (): Script => readThrough(recipient, effort.queueMessages);
  const workload = {
    scripts: () => [readOnce()],
    warmUp: () => times(WARM_UP_READERS, readOnce),
    whole: true,
  };
  const { comparison, relayLoads } = await compare(stage, workload, effort);
  return { comparison, figures: endsMs(relayLoads, 1) };
}

async function interleaved(stage: Stage): Promise<Outcome> {
  const recipients = times(stage.effort.interleavedMailboxes, newRecipient);
  await fill(stage, recipients, recipients.length * PAGE_MESSAGES);
  const scripts = () => [fullPages(recipients)];
  const { comparison } = await compare(stage, { scripts, warmUp: scripts }, stage.effort);
  return { comparison };
}

async function drained(stage: Stage): Promise<Outcome> {
  const { relay, effort } = stage;
  const recipient = newRecipient();
  const warmUpRecipient = newRecipient();
  const warmUpMessages = 10 * PAGE_MESSAGES;
  await fill(stage, [recipient], effort.queueMessages);
  await fill(stage, [warmUpRecipient], warmUpMessages);
  const workload = {
    scripts: () => [drain(recipient, effort.queueMessages)],
    warmUp: () => [drain(warmUpRecipient, warmUpMessages)],
    whole: true,
  };
  // A mailbox is drained once.
  const { comparison, relayLoads } = await compare(stage, workload, { ...effort, rounds: 1 });
  await drive(relay, [emptyPulls(recipient, 1)]);
  return { comparison, figures: endsMs(relayLoads, 2) };
}

/** What a page took at the beginning and at the end, each the median of its pages, over all rounds. */
function endsMs(loads: readonly Load[], requestsPerPage: number): Record<string, number> {
  const first: number[] = [];
  const last: number[] = [];
  for (const { latenciesMs } of loads) {
    const pagesMs = times(latenciesMs.length / requestsPerPage, (page) =>
      sum(latenciesMs.slice(page * requestsPerPage, (page + 1) * requestsPerPage)),
    );
    const count = Math.ceil(pagesMs.length * END_SHARE);
    first.push(...pagesMs.slice(0, count));
    last.push(...pagesMs.slice(-count));
  }
  const [firstPagesMs, lastPagesMs] = [median(first), median(last)];
  return { firstPagesMs, lastPagesMs, lastToFirst: lastPagesMs / firstPagesMs };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
