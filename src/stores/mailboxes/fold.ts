import { LIVE, MEMORY } from './slots.ts';
import type { Fact, Mailbox, Place, Table } from './table.ts';

/**
 * Folds a push into the state; `known` is its mailbox, if there is one. Whoever has the higher seq under a key is the later
 * one, in whatever order their records are met: the cleaner writes old messages anew behind younger ones.
 */
export function foldPush(
  table: Table,
  known: Mailbox | undefined,
  fact: Fact,
  deadlineMs: number,
  payloadBytes: number,
  place: Place,
): void {
  const found = known ?? table.mailboxFor(fact.recipient);
  const slot = clearWay(table, found, fact);
  if (slot === undefined) return;
  if (slot !== 0) {
    if (table.slots.state.get(slot) === LIVE) table.place(slot, place);
    return;
  }
  // With the last of its slots a mailbox is gone.
  const mailbox = found.slots > 0 ? found : table.mailboxFor(fact.recipient);
  const added = table.take(mailbox, LIVE, fact.words, fact.chunkIndex, fact.seq);
  table.slots.ms.set(added, deadlineMs);
  table.slots.payloadBytes.set(added, payloadBytes);
  mailbox.plannedMessages++;
  mailbox.plannedBytes += payloadBytes;
  table.enter(mailbox, added);
  table.place(added, place);
}

/** Folds an ack, or the memory of one, into the state; `known` is its mailbox, if there is one. */
export function foldAck(
  table: Table,
  known: Mailbox | undefined,
  fact: Fact,
  ackedMs: number,
  remembers: boolean,
  place: Place,
): void {
  const slot = known === undefined ? 0 : clearWay(table, known, fact);
  if (slot === undefined) return;
  if (slot !== 0 && table.slots.state.get(slot) === MEMORY) {
    table.place(slot, place);
    return;
  }
  if (slot !== 0) table.drop(slot);
  if (!remembers) return;
  const memory = table.take(table.mailboxFor(fact.recipient), MEMORY, fact.words, fact.chunkIndex, fact.seq);
  table.remember(memory, ackedMs);
  table.place(memory, place);
}

/** Brings the memories into the order in which they were made, after records were met in the order of the log. */
export function sortMemories(table: Table): void {
  const { memories, slots } = table;
  const found: number[] = [];
  while (memories.oldest !== 0) {
    found.push(memories.oldest);
    memories.remove(memories.oldest);
  }
  found.sort((a, b) => slots.ms.get(a) - slots.ms.get(b) || slots.seq.get(a) - slots.seq.get(b));
  for (const slot of found) memories.append(slot);
}

/** The slot that already stands for a fact, 0 if none does, undefined if a later one has its key. Earlier ones go. */
function clearWay(table: Table, mailbox: Mailbox, { words, chunkIndex, seq }: Fact): number | undefined {
  const slot = table.find(mailbox, words, chunkIndex);
  if (slot === 0) return 0;
  const found = table.slots.seq.get(slot);
  if (found > seq) return undefined;
  if (found === seq) return slot;
  if (table.slots.state.get(slot) === MEMORY) table.forget(slot);
  else table.drop(slot);
  return 0;
}
