/** Steps in a turn of the event loop, so that nobody waits for a long piece of work. */
const STEPS_A_TURN = 1000;

/** Works in turns of at most a thousand steps: `work` does up to `max` of them and returns how many it found to do. */
export function inTurns(work: (max: number) => number): Promise<void> | undefined {
  return work(STEPS_A_TURN) < STEPS_A_TURN ? undefined : moreTurns(work);
}

async function moreTurns(work: (max: number) => number): Promise<void> {
  do {
    await new Promise<void>((next) => setImmediate(next));
  } while (work(STEPS_A_TURN) === STEPS_A_TURN);
}
