import { LIVE, MEMORY, type Slots } from '../mailboxes/slots.ts';
import { inTurns } from '../turns.ts';

/** Slots that are looked at in a turn of the event loop, in a tenth of a millisecond. */
const SLOTS_A_TURN = 8_192;

/** Whether the record of a message or memory stands in a segment, be an ack of it on its way or not. */
export function isResident({ segment, state }: Slots, slot: number, number: number): boolean {
  return segment.get(slot) === number && (state.get(slot) & (LIVE | MEMORY)) !== 0;
}

/**
 * The slots whose records stand in a segment that is not written any more, by the part of so many bytes that they begin in;
 * the first part last.
 */
export async function residentsOf(slots: Slots, number: number, partBytes: number): Promise<number[][]> {
  const parts: number[][] = [];
  const { end } = slots;
  let next = 1;
  await inTurns((max) => {
    const from = next;
    for (; next < Math.min(end, from + max); next++) {
      if (!isResident(slots, next, number)) continue;
      const part = Math.floor(slots.position.get(next) / partBytes);
      const found = parts[part];
      if (found === undefined) parts[part] = [next];
      else found.push(next);
    }
    return next - from;
  }, SLOTS_A_TURN);
  // Parts in which nothing begins were never set.
  return parts.filter((part) => part !== undefined).reverse();
}
