import type { Settings } from '../servers.ts';
import type { Stage } from '../stage.ts';
import { bombs } from './bombs.ts';
import { churn } from './churn.ts';
import { idleConnections } from './connections.ts';
import { largePushes } from './large-pushes.ts';
import { warmMb } from './memory.ts';
import { queued } from './queued.ts';
import { slowReaderRows } from './slow-readers.ts';
import { sources } from './sources.ts';

/** One line of the budget: something that the relay is put through, and what it may take. */
export interface Row {
  readonly name: string;
  readonly about: string;
  /** In MB (10^6 bytes). */
  readonly allowedMb: number;
  /** The relay's, where they differ from what the bench measures with. */
  readonly settings?: () => Promise<Settings>;
  /** Resolves with what was taken, in MB. */
  measure(stage: Stage): Promise<number>;
}

/** Memory is `RssAnon`: what the process holds, without the files that are mapped into it. */
export const rows: readonly Row[] = [
  {
    name: 'idle',
    about: 'memory of a relay with an empty store, 10 s after 100,000 empty pulls',
    allowedMb: 90,
    measure: warmMb,
  },
  queued({ name: 'queued-200k', messages: 200_000, mailboxes: 1_000, payloadBytes: 1_024, allowedMb: 60 }),
  queued({ name: 'queued-1m', messages: 1_000_000, mailboxes: 10_000, payloadBytes: 64, allowedMb: 220 }),
  sources,
  largePushes,
  bombs,
  ...slowReaderRows,
  idleConnections,
  churn,
];
