import { RelayError } from '../../errors.ts';
import type { Clock } from '../store.ts';

/** Bytes that may wait for the disk before callers are held back. */
const BYTES_MAX = 64 * 2 ** 20;
const PATIENCE_MS = 5000;

/** What waits for the disk, and who waits for it to become less. */
export class Backlog {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #progressMs = 0;
  bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** So much reached the disk, or was refused. */
  remove(bytes: number): void {
    this.bytes -= bytes;
    this.#progressMs = this.#clock.monotonicMs();
    if (this.bytes > BYTES_MAX) return;
    for (const enter of this.#waiting) enter();
    this.#waiting.clear();
  }

  /** Undefined while there is room; otherwise resolves when there is, or throws after 5 s in which nothing moved. */
  room(): Promise<void> | undefined {
    return this.bytes <= BYTES_MAX ? undefined : this.#wait();
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const sinceMs = this.#clock.monotonicMs();
      const enter = (): void => {
        cancel();
        resolve();
      };
      const look = (): void => {
        const quietMs = this.#clock.monotonicMs() - Math.max(sinceMs, this.#progressMs);
        if (quietMs < PATIENCE_MS) {
          cancel = this.#clock.after(PATIENCE_MS - quietMs, look);
        } else {
          this.#waiting.delete(enter);
          reject(new RelayError('storage_error'));
        }
      };
      let cancel = this.#clock.after(PATIENCE_MS, look);
      this.#waiting.add(enter);
    });
  }
}
