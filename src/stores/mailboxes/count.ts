import { FREE, LIVE, type Slots } from './slots.ts';

/** What mailboxes hold, by their numbers. */
export interface Figures {
  /** Slots of any state. */
  readonly slots: Uint32Array;
  readonly messages: Uint32Array;
  readonly bytes: readonly number[];
  /** Infinity for one without messages. */
  readonly earliestMs: Float64Array;
  /** Of all of them together. */
  readonly recordBytes: number;
}

/** Counts what so many mailboxes hold, while nothing is on its way. */
export function countByMailbox(
  { end, state, keys, payloadBytes, recordBytes, ms }: Slots,
  mailboxes: number,
): Figures {
  const [slots, messages] = [new Uint32Array(mailboxes), new Uint32Array(mailboxes)];
  // From an array of doubles each would be one, and each mailbox get another shape for it.
  const bytes = new Array<number>(mailboxes).fill(0);
  const earliestMs = new Float64Array(mailboxes).fill(Number.POSITIVE_INFINITY);
  let allRecordBytes = 0;
  for (let slot = 1; slot < end; slot++) {
    const found = state.get(slot);
    if (found === FREE) continue;
    allRecordBytes += recordBytes.get(slot);
    const mailbox = keys.mailboxOf(slot);
    slots[mailbox] = (slots[mailbox] as number) + 1;
    if (found !== LIVE) continue;
    messages[mailbox] = (messages[mailbox] as number) + 1;
    bytes[mailbox] = (bytes[mailbox] as number) + payloadBytes.get(slot);
    earliestMs[mailbox] = Math.min(earliestMs[mailbox] as number, ms.get(slot));
  }
  return { slots, messages, bytes, earliestMs, recordBytes: allRecordBytes };
}

/** The slots of messages, those of each mailbox side by side, the mailboxes in the order of their numbers. */
export function groupByMailbox({ end, state, keys }: Slots, { messages }: Figures): Uint32Array {
  const ends = new Uint32Array(messages.length);
  let total = 0;
  for (const [mailbox, count] of messages.entries()) {
    ends[mailbox] = total;
    total += count;
  }
  const grouped = new Uint32Array(total);
  for (let slot = 1; slot < end; slot++) {
    if (state.get(slot) !== LIVE) continue;
    const mailbox = keys.mailboxOf(slot);
    const at = ends[mailbox] as number;
    grouped[at] = slot;
    ends[mailbox] = at + 1;
  }
  return grouped;
}
