import { SimulatedClock } from './clock.ts';
import { SimulatedDisk } from './disk.ts';
import { below, chance, type Random } from './random.ts';

/** How many turns of the event loop pass with nothing to do on the disk before time is moved on. */
const IDLE_TURNS_MAX = 5;
/** A run that takes more is stuck: something waits for what never comes. */
const STEPS_MAX = 20_000;

/** What a machine that stops in the middle of something leaves unanswered. */
export const crashed = Symbol('crashed');

/** A computer that a seed drives: a disk, a clock, and the order in which things happen. */
export class Machine {
  readonly clock = new SimulatedClock();
  disk: SimulatedDisk;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.disk = new SimulatedDisk(random);
  }

  /** Lets the machine run until `promise` is settled, or the machine has stopped. */
  async run<T>(promise: Promise<T>): Promise<T | typeof crashed> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    let idle = 0;
    for (let step = 0; ; step++) {
      await turn();
      if (settled) return promise;
      if (this.disk.operations.stopped) return crashed;
      if (step === STEPS_MAX) throw new Error('stuck: nothing comes of what the store does');
      if (this.#completeSome()) idle = 0;
      else if (++idle > IDLE_TURNS_MAX && !this.clock.runNextTimer() && idle > 100) {
        throw new Error('stuck: no operation is in flight and no timer is set');
      }
    }
  }

  /** Lets the machine run until nothing is left to do but to wait. */
  async settle(): Promise<void> {
    let idle = 0;
    for (let step = 0; idle <= IDLE_TURNS_MAX && !this.disk.operations.stopped; step++) {
      await turn();
      idle = this.#completeSome() ? 0 : idle + 1;
      if (step === STEPS_MAX) throw new Error('stuck: the store never comes to rest');
    }
  }

  /** Ends the process; the disk stays as a kill or a power cut leaves it. */
  restart(how: 'kill' | 'powerCut'): void {
    this.clock.forgetTimers();
    this.disk = how === 'kill' ? this.disk.kill() : this.disk.powerCut();
  }

  #completeSome(): boolean {
    const { operations } = this.disk;
    if (operations.inFlight === 0) return false;
    const count = chance(this.#random, 0.7) ? 1 : 1 + below(this.#random, operations.inFlight);
    for (let done = 0; done < count; done++) operations.completeOne();
    return true;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
