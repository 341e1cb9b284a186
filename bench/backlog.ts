import { drive } from './drive.ts';
import { median } from './figures.ts';
import { newRecipient } from './requests.ts';
import { fill, KIB, type Outcome, type Scenario, times } from './scenario.ts';
import { emptyPulls, readThrough } from './scripts.ts';
import { type Stage, settledMb } from './stage.ts';

/** What waiting messages cost: the memory they take, and the time to open the store on them. */
export const backlogScenarios: readonly Scenario[] = [
  {
    name: 'backlog',
    about: 'memory with 200,000 messages of 1 KiB in 1,000 mailboxes, and the time to open the store on them',
    pushConnections: 0,
    async run(stage): Promise<Outcome> {
      const openEmptyMs = await openMs(stage, 'SIGTERM');
      await drive(stage.relay, [emptyPulls(newRecipient(), 1)]);
      const idleMb = await settledMb(stage);
      const recipients = times(1_000, newRecipient);
      const filled = await fill(stage, recipients, stage.effort.backlogMessages);
      const queuedMb = await settledMb(stage);
      const memory = { idleMb, queuedMb, backlogMb: queuedMb - idleMb };
      const opening = await openings(stage, openEmptyMs);
      await checkAllThere(stage, recipients, stage.effort.backlogMessages);
      return { figures: { filledPerSecond: filled.requests / filled.seconds, ...memory, ...opening } };
    },
  },
  {
    name: 'backlog-1m',
    about: 'the time to open the store on 1,000,000 messages of 64 bytes in 10,000 mailboxes',
    pushConnections: 0,
    async run(stage): Promise<Outcome> {
      const openEmptyMs = await openMs(stage, 'SIGTERM');
      const recipients = times(10_000, newRecipient);
      const messages = 5 * stage.effort.backlogMessages;
      await fill(stage, recipients, messages, KIB / 16);
      const figures = await openings(stage, openEmptyMs);
      await checkAllThere(stage, recipients, messages);
      return { figures };
    },
  },
];

/** Less what any start takes. */
async function openings(stage: Stage, openEmptyMs: number): Promise<Record<string, number>> {
  const openAfterTermMs = (await openMs(stage, 'SIGTERM')) - openEmptyMs;
  const openAfterKillMs = (await openMs(stage, 'SIGKILL')) - openEmptyMs;
  return { openEmptyMs, openAfterTermMs, openAfterKillMs };
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
