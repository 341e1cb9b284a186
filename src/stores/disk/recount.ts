import type { Log as Logger } from '../../log.ts';
import { LIVE } from '../mailboxes/slots.ts';
import { Mailboxes } from '../mailboxes.ts';
import type { StoreLimits } from '../store.ts';
import type { Files } from './files.ts';
import type { Gate } from './gate.ts';
import { createReader } from './reader.ts';
import { recover } from './recovery.ts';
import { segmentNumber } from './segment.ts';
import type { Segments } from './segments.ts';

/** What a recount found. */
export interface Recount {
  /** What the files hold. */
  readonly messages: number;
  readonly bytes: number;
  readonly memories: number;
  /** Messages whose records are not what they were. */
  readonly damaged: number;
  /** Whether the counters that the store answers with say the same. */
  readonly isConsistent: boolean;
}

/**
 * Counts anew what the files of an open store hold at a time, and reads every message; nothing may be written meanwhile.
 * `mailboxes` are the store's own, to compare with.
 */
export async function recount(
  { segments, gate, mailboxes, limits, logger }: RecountParts,
  files: Files,
  nowMs: number,
): Promise<Recount> {
  const counted = new Mailboxes(limits);
  await recover(files, counted.table, limits.dedupWindowMs > 0, logger);
  for (const each of [counted, mailboxes]) each.dropDue(nowMs, Number.POSITIVE_INFINITY);
  const { messages, bytes, memories, slots } = counted.table;
  const isConsistent = messages === mailboxes.table.messages && bytes === mailboxes.table.bytes;
  const reader = createReader(segments, slots, gate);
  let damaged = 0;
  for (let slot = 1; slot < slots.end; slot++) {
    if (slots.state.get(slot) !== LIVE) continue;
    const [record] = await reader.read([slot], () => counted.table.mailboxOf(slot).recipient);
    if (record === undefined) damaged++;
  }
  return { messages, bytes, memories: memories.length, damaged, isConsistent };
}

interface RecountParts {
  readonly segments: Segments;
  readonly gate: Gate;
  readonly mailboxes: Mailboxes;
  readonly limits: StoreLimits;
  readonly logger: Logger;
}

/** A store's files without the segments before `oldest`, which count no more and may be on their way out. */
export function filesFrom(oldest: number, files: Files): Files {
  const counts = (name: string): boolean => (segmentNumber(name) ?? 0) >= oldest;
  return { ...files, list: async () => (await files.list()).filter(counts) };
}
