import { type Comparison, compare, type Workload } from './compare.ts';
import { drive, type Load, type Target } from './drive.ts';
import { newRecipient } from './requests.ts';
import { ENDLESS, pushes, type Script } from './scripts.ts';
import type { Settings } from './servers.ts';
import type { Stage } from './stage.ts';

/** Something that the relay is put through, on a store of its own. */
export interface Scenario {
  readonly name: string;
  /** What is done, for a reader of the report. */
  readonly about: string;
  /** Connections that push at once. */
  readonly pushConnections: number;
  /** Of the relay, where they differ from what everything is measured with: only for a relay that is ours to start. */
  readonly settings?: Settings;
  run(stage: Stage): Promise<Outcome>;
}

export interface Outcome {
  readonly comparison?: Comparison;
  /** Named with their units. */
  readonly figures?: Readonly<Record<string, number>>;
}

export const KIB = 1024;
/** Of the pushes, by default: as many as a relay in use may have. */
export const MAILBOXES = 1_000;

/** Compares by rounds that end with their time. */
export function rates(
  scripts: () => Script[],
  { warmUp = scripts, ...rest }: Pick<Workload, 'floors'> & { warmUp?: (stage: Stage) => Script[] } = {},
): Scenario['run'] {
  return async (stage) => {
    const workload: Workload = { scripts, warmUp: () => warmUp(stage), ...rest };
    return { comparison: (await compare(stage, workload, stage.effort)).comparison };
  };
}

/** New messages, without end, to a relay's usual number of mailboxes. */
export function endlessPushes(connections: number, payloadBytes: number): Script[] {
  const recipients = times(MAILBOXES, newRecipient);
  return times(connections, () => pushes(recipients, payloadBytes, { requests: ENDLESS }));
}

/** Pushes new messages, evenly to the recipients, to the other relay too, and resolves when all are stored. */
export async function fill(
  { relay, against, fillConnections }: Stage,
  recipients: readonly string[],
  messages: number,
  payloadBytes = KIB,
): Promise<Load> {
  const fillOne = (target: Target): Promise<Load> => {
    const budget = { requests: messages };
    return drive(
      target,
      times(fillConnections, () => pushes(recipients, payloadBytes, budget)),
    );
  };
  if (against !== undefined) await fillOne(against);
  return fillOne(relay);
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
