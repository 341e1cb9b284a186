import type { Clock } from '../store.ts';
import type { LogPosition } from './segment.ts';

/** A record that the disk gave an error for so often, over so long, is lost. */
const ATTEMPTS = 3;
const LOST_AFTER_MS = 30_000;
/** So many are kept in mind; beyond that all begin anew. */
const PLACES_MAX = 10_000;

/**
 * Records that could not be read. Bytes that are not what was written are damage; an error may be a cable or a drive that begins
 * anew, and what it keeps from being read now is there again later.
 */
export class FailedReads {
  readonly #clock: Clock;
  readonly #failed = new Map<string, { attempts: number; readonly sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be told of an error; whether the record counts as damaged from here on. */
  add(place: LogPosition): boolean {
    const nowMs = this.#clock.monotonicMs();
    const key = keyOf(place);
    if (this.#failed.size >= PLACES_MAX) this.#failed.clear();
    const failed = this.#failed.get(key) ?? { attempts: 0, sinceMs: nowMs };
    failed.attempts++;
    this.#failed.set(key, failed);
    const isLost = failed.attempts >= ATTEMPTS && nowMs - failed.sinceMs >= LOST_AFTER_MS;
    if (isLost) this.#failed.delete(key);
    return isLost;
  }

  /** To be told of what was read. */
  remove(place: LogPosition): void {
    if (this.#failed.size > 0) this.#failed.delete(keyOf(place));
  }
}

function keyOf({ segment, position }: LogPosition): string {
  return `${segment}:${position}`;
}
