import type fc from 'fast-check';

/** Something that takes what comes from outside, and a property that it keeps whatever that is. */
export interface Target {
  readonly name: string;
  /** Runs that take about a second. */
  readonly runs: number;
  /** To be opened once for any number of runs. */
  open(): Promise<Opened>;
}

export interface Opened {
  readonly property: fc.IAsyncProperty<unknown>;
  close(): Promise<void>;
}
