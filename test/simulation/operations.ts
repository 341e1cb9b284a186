import { below, chance, type Random } from './random.ts';

export type OperationKind =
  | 'list'
  | 'create'
  | 'open'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'flushDirectory'
  | 'size'
  | 'read'
  | 'write'
  | 'flush'
  | 'close';

/** What may go wrong with an operation; `short` is a write that takes only a part and says so. */
export type Fault = 'ENOSPC' | 'EIO' | 'short';

/** Decides, by its number and kind, whether an operation fails. */
export type FaultPlan = (number: number, kind: OperationKind) => Fault | undefined;

/** Decides, by its number and kind, whether the machine stops in the middle of an operation. */
export type CrashPlan = (number: number, kind: OperationKind) => boolean;

export interface Steps<T> {
  /** All of the operation's effect; throws what its caller is told. */
  readonly effect: (fault: Fault | undefined) => T;
  /** What may have happened when it was cut short; by default all of it or nothing. */
  readonly part?: () => void;
}

interface InFlight {
  /** Does the operation and answers its caller. */
  readonly finish: () => void;
  /** Does some of it: the process or the machine stopped in the middle. */
  readonly interrupt: () => void;
}

/** Operations on their way to a disk. They finish in any order, when they are told to, or never. */
export class Operations {
  /** Operations that were called so far; an operation's number is how many were called before it. */
  called = 0;
  /** Whether everything stops in the middle of an operation. */
  stopsAt: CrashPlan = () => false;
  /** True from a crash on: nothing is answered any more. */
  stopped = false;
  faultOf: FaultPlan = () => undefined;
  /** Called for each operation that has begun. */
  onCall: () => void = () => undefined;
  readonly #random: Random;
  readonly #calledOf = new Map<OperationKind, number>();
  readonly #inFlight: InFlight[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  calledOf(kind: OperationKind): number {
    return this.#calledOf.get(kind) ?? 0;
  }

  call<T>(kind: OperationKind, { effect, part }: Steps<T>): Promise<T> {
    if (this.stopped) return new Promise(() => undefined);
    const number = this.called++;
    this.#calledOf.set(kind, this.calledOf(kind) + 1);
    const fault = this.faultOf(number, kind);
    return new Promise((resolve, reject) => {
      const finish = () => {
        try {
          resolve(effect(fault));
        } catch (error) {
          reject(error);
        }
      };
      const interrupt = () => {
        if (part !== undefined && chance(this.#random, 0.5)) part();
        else if (chance(this.#random, 0.5)) attempt(() => effect(fault));
      };
      this.#inFlight.push({ finish, interrupt });
      if (this.stopsAt(number, kind)) this.stopped = true;
      else this.onCall();
    });
  }

  /** Finishes one of those in flight, whichever. */
  completeOne(): void {
    const [chosen] = this.#inFlight.splice(below(this.#random, this.#inFlight.length), 1);
    chosen?.finish();
  }

  stop(): void {
    this.stopped = true;
    for (const { interrupt } of this.#inFlight.splice(0)) interrupt();
  }
}

/** What a process that is gone would have been told interests nobody. */
function attempt(effect: () => unknown): void {
  try {
    effect();
  } catch {
    return;
  }
}
