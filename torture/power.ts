import { setTimeout as pause } from 'node:timers/promises';
import { below, chance } from '../test/simulation/random.ts';
import type { Round } from './modes.ts';
import type { PowerDisk } from './power-disk.ts';
import type { Stage } from './stage.ts';

/** Cuts the power of a disk under load, and sometimes once more while the relay starts on what is left. */
export function powerRound(disk: PowerDisk): Round {
  return async (stage) => {
    const load = stage.load();
    const ms = below(stage.random, 1_500);
    await pause(ms);
    // Most of them between a write and the flush that follows it.
    const cut = disk.cut(chance(stage.random, 0.8) ? 1 + below(stage.random, 30) : 0);
    load.cutOff(cut);
    await cut;
    await stage.relay.kill();
    await load.end();
    const cuts = [await restore(disk, stage)];
    while (chance(stage.random, 0.25)) {
      const relay = await stage.spawn();
      await pause(below(stage.random, 500));
      await disk.cut(1 + below(stage.random, 10));
      await relay.kill();
      cuts.push(await restore(disk, stage));
    }
    return `cut after ${ms} ms, ${cuts.join(', then ')}`;
  };
}

async function restore(disk: PowerDisk, { random }: Stage): Promise<string> {
  const { unflushed, arrived } = await disk.restore(below(random, 2 ** 32));
  return `${arrived} of ${unflushed} unflushed units arrived`;
}
