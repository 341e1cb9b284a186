import { LIVE, MEMORY, placeOf, type SlotRows, stateOf } from './slots.ts';
import type { Table } from './table.ts';

/** Folds rows of records into a table, in bulk: of messages, and of the memories that acks leave. */
export function foldRows(table: Table, rows: SlotRows, count: number, remembers: boolean): void {
  for (let row = 0; row < count; ) {
    const taken = table.slots.takeNew(rows, row, remembers ? count : endOfPushes(rows, row, count));
    if (taken === 0) foldRow(table, rows, row, remembers);
    row += Math.max(1, taken);
  }
}

function endOfPushes(rows: SlotRows, from: number, to: number): number {
  let row = from;
  while (row < to && stateOf(rows, row) === LIVE) row++;
  return row;
}

/**
 * Whoever has the higher seq under a key is the later one, in whatever order their records are met: the cleaner writes old
 * messages anew behind younger ones.
 */
function foldRow(table: Table, rows: SlotRows, row: number, remembers: boolean): void {
  const { slots } = table;
  const [seq, ms] = [rows.times[2 * row] as number, rows.times[2 * row + 1] as number];
  const isPush = stateOf(rows, row) === LIVE;
  const known = slots.keys.find(rows.keys, row);
  const knownSeq = known === 0 ? -1 : slots.seq.get(known);
  if (knownSeq < seq) {
    if (known !== 0) table.discard(known);
    if (isPush || remembers) slots.takeRow(rows, row);
    return;
  }
  const isMemory = slots.state.get(known) === MEMORY;
  if (knownSeq > seq || (isPush && isMemory)) return;
  if (!isPush && !remembers) {
    table.discard(known);
    return;
  }
  if (!isPush && !isMemory) {
    slots.state.set(known, MEMORY);
    slots.ms.set(known, ms);
  }
  table.place(known, placeOf(rows, row));
}
