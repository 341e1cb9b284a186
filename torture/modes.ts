import { setTimeout as pause } from 'node:timers/promises';
import { below, chance } from '../test/simulation/random.ts';
import type { Stage } from './stage.ts';

/** A round from a relay that has been looked at to one that is gone; resolves with what was done to it. */
export type Round = (stage: Stage) => Promise<string>;

/** SIGKILL at a moment of the load; sometimes also at one of the start that follows. */
export async function kill(stage: Stage): Promise<string> {
  const load = stage.load();
  const ms = await wait(stage, 1_200);
  await stage.relay.kill();
  await load.end();
  let starts = 0;
  for (; chance(stage.random, 0.25); starts++) await stage.startAndKill();
  return `killed after ${ms} ms${starts > 0 ? `, and ${starts} × while it started` : ''}`;
}

/** SIGTERM under load: it answers what is on its way, ends with 0, and soon. */
export async function term(stage: Stage): Promise<string> {
  const load = stage.load();
  const ms = await wait(stage, 1_000);
  const startMs = performance.now();
  await stage.relay.stop();
  await load.end();
  return `asked to end after ${ms} ms, which took ${Math.round(performance.now() - startMs)} ms`;
}

/** SIGSTOP, while clients time out and try again; then it goes on, and is ended, or it is killed as it stands. */
export async function stop(stage: Stage): Promise<string> {
  const load = stage.load();
  await wait(stage, 500);
  stage.relay.signal('SIGSTOP');
  const ms = 500 + (await wait(stage, 2_500));
  const goesOn = chance(stage.random, 0.7);
  if (goesOn) {
    stage.relay.signal('SIGCONT');
    await wait(stage, 800);
  }
  if (goesOn && chance(stage.random, 0.5)) await stage.relay.stop();
  else await stage.relay.kill();
  await load.end();
  return `stopped for ${ms} ms, then ${goesOn ? 'let go on' : 'killed'}`;
}

async function wait({ random }: Stage, msMax: number): Promise<number> {
  const ms = below(random, msMax);
  await pause(ms);
  return ms;
}
