import type { Fact } from '../mailboxes/table.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { StoreLimits } from '../store.ts';
import type { StoreTime } from '../time.ts';
import type { Files } from './files.ts';
import type { Journal } from './journal.ts';
import { type Recount, recount } from './recount.ts';
import { segmentName } from './segment.ts';
import type { Segments } from './segments.ts';

export interface OpenRecount extends Recount {
  /** Whether the counters that the store answers with say the same. */
  readonly isConsistent: boolean;
}

interface OpenParts {
  readonly files: Files;
  readonly segments: Segments;
  readonly journal: Journal;
  readonly mailboxes: Mailboxes;
  readonly limits: StoreLimits;
  readonly time: StoreTime;
}

/**
 * Counts anew what the files of an open store hold, while nothing is written. Only what is on disk for good counts: nothing
 * of a batch that failed, whatever of it stands in a file. `onLost` hears of messages that turn out to be damaged.
 */
export async function recountOpen(
  { files, segments, journal, mailboxes, limits, time }: OpenParts,
  onLost: (slot: number) => void,
): Promise<OpenRecount> {
  const written = { oldest: journal.namedOldest, flushed: journal.flushed };
  const held = segments.hold(written.oldest, written.flushed.segment);
  try {
    const counting = { list: async () => held.numbers.map(segmentName), open: files.open };
    let nowMs = 0;
    const now = (): number => {
      nowMs = time.now();
      return nowMs;
    };
    const counted = await recount(counting, { limits, now, written, onLost: told(mailboxes, onLost) });
    mailboxes.dropDue(nowMs, Number.POSITIVE_INFINITY);
    const { messages, bytes } = mailboxes.table;
    return { ...counted, isConsistent: messages === counted.messages && bytes === counted.bytes };
  } finally {
    held.release();
  }
}

/** The store's own slots of messages that are lost. */
function told({ table }: Mailboxes, onLost: (slot: number) => void): (fact: Fact) => void {
  return ({ recipient, words, chunkIndex, seq }) => {
    const mailbox = table.mailbox(recipient);
    const slot = mailbox === undefined ? 0 : table.find(mailbox, words, chunkIndex);
    if (table.slots.isMessage(slot, seq)) onLost(slot);
  };
}
