import { constants } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';

export type StopSignal = 'SIGTERM' | 'SIGINT';

/** In the first one the event loop has not looked for signals yet. */
const TOLD_TURNS = 2;

/** What a relay does when it is told to. */
export interface SignalHandlers {
  /** Called once. */
  readonly stop: (signal: StopSignal) => void;
  readonly reload: () => void;
}

/** The signals that the process gets from now on. They are kept until somebody takes them; a second one to stop ends it at once. */
export class Signals {
  #handlers: SignalHandlers | undefined;
  #stop: StopSignal | undefined;
  #isReloadDue = false;

  constructor() {
    process.on('SIGTERM', this.#onStop);
    process.on('SIGINT', this.#onStop);
    process.on('SIGHUP', this.#onReload);
  }

  /** Calls these from now on, and at once for what came before. */
  take(handlers: SignalHandlers): void {
    this.#handlers = handlers;
    if (this.#stop !== undefined) handlers.stop(this.#stop);
    if (this.#isReloadDue) handlers.reload();
  }

  /** For what is no relay: signals end the process, one that came before too. */
  async leave(): Promise<void> {
    // What came while modules were loaded is told in one of the next turns of the event loop.
    for (let turn = 0; turn < TOLD_TURNS; turn++) await nextTurn();
    process.off('SIGTERM', this.#onStop);
    process.off('SIGINT', this.#onStop);
    process.off('SIGHUP', this.#onReload);
    const due = this.#stop ?? (this.#isReloadDue ? 'SIGHUP' : undefined);
    if (due !== undefined) process.kill(process.pid, due);
  }

  readonly #onStop = (signal: StopSignal): void => {
    if (this.#stop !== undefined) process.exit(128 + constants.signals[signal]);
    this.#stop = signal;
    this.#handlers?.stop(signal);
  };

  readonly #onReload = (): void => {
    this.#isReloadDue = true;
    this.#handlers?.reload();
  };
}
