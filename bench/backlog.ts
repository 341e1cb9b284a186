import { setTimeout as settle } from 'node:timers/promises';
import { drive } from './drive.ts';
import { median, memoryMb } from './figures.ts';
import { newRecipient } from './requests.ts';
import { fill, type Outcome, type Scenario } from './scenarios.ts';
import { emptyPulls, readThrough } from './scripts.ts';
import type { Stage } from './stage.ts';

const MAILBOXES = 1_000;

/** What waiting messages cost: the memory they take, and the time to open the store on them. */
export const backlogScenario: Scenario = {
  name: 'backlog',
  about: `memory with many messages of 1 KiB in ${MAILBOXES} mailboxes, and the time to open the store on them`,
  pushConnections: 0,
  async run(stage): Promise<Outcome> {
    const { backlogMessages } = stage.effort;
    const openEmptyMs = await openMs(stage, 'SIGTERM');
    await drive(stage.relay, [emptyPulls(newRecipient(), 1)]);
    const idleMb = await settledMb(stage);

    const recipients = Array.from({ length: MAILBOXES }, newRecipient);
    const filled = await fill(stage, recipients, backlogMessages);
    const queuedMb = await settledMb(stage);
    const memory = { idleMb, queuedMb, backlogMb: queuedMb - idleMb };

    const openAfterTermMs = (await openMs(stage, 'SIGTERM')) - openEmptyMs;
    const openAfterKillMs = (await openMs(stage, 'SIGKILL')) - openEmptyMs;
    await checkAllThere(stage, recipients, backlogMessages);
    const opening = { openEmptyMs, openAfterTermMs, openAfterKillMs };
    return { figures: { filledPerSecond: filled.requests / filled.seconds, ...memory, ...opening } };
  },
};

async function settledMb({ relay, effort }: Stage): Promise<number> {
  await settle(effort.settleSeconds * 1000);
  return memoryMb(relay.pid, 'RssAnon');
}

/** From the start of the process until it listens; NaN for a relay that is not ours to stop. */
async function openMs({ restart, effort }: Stage, signal: NodeJS.Signals): Promise<number> {
  if (restart === undefined) return Number.NaN;
  const startsMs: number[] = [];
  for (let round = 0; round < effort.rounds; round++) startsMs.push((await restart(signal)).startMs);
  return median(startsMs);
}

/** A store that opens fast because it has lost its messages is none. */
async function checkAllThere(stage: Stage, recipients: readonly string[], messages: number): Promise<void> {
  const [mailbox = ''] = recipients;
  await drive(stage.relay, [readThrough(mailbox, Math.floor(messages / recipients.length))]);
}
