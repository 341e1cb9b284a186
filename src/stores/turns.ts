import { setImmediate as nextTurn } from 'node:timers/promises';

/** Steps in a turn of the event loop, so that nobody waits for a long piece of work. */
export const STEPS_A_TURN = 1000;

/**
 * Works in turns of so many steps at most: `work` does up to `max` of them and returns how many it found to do. Undefined
 * when that was all in this turn.
 */
export function inTurns(work: (max: number) => number, steps = STEPS_A_TURN): Promise<void> | undefined {
  return work(steps) < steps ? undefined : moreTurns(work, steps);
}

async function moreTurns(work: (max: number) => number, steps: number): Promise<void> {
  do {
    await nextTurn();
  } while (work(steps) === steps);
}
