import type { RelayConfig } from './config.ts';
import { SLOTS, SourceTable } from './source-table.ts';

export type Endpoint = 'push' | 'pull' | 'ack';

export interface RateLimiter {
  /**
   * Asks for a request of `source`, a key that `createSourceResolver` gave. Undefined when it may go on;
   * otherwise after how many whole seconds, at least 1, one would be granted if the source kept still. `monotonicMs`: now, by
   * a clock that never runs back.
   */
  take(endpoint: Endpoint, source: string, monotonicMs: number): number | undefined;
}

/**
 * Two guards stand before each endpoint: one for all that a source asks for, one for this endpoint of it. Each
 * has a token bucket for every source, of `burst` tokens; a request takes a token of both or of neither.
 */
export function createRateLimiter(config: RelayConfig['rateLimit']): RateLimiter {
  const all = new Guard(config.perIpRps, config);
  const guards: Record<Endpoint, Guard> = {
    push: new Guard(config.endpoints.pushRps, config),
    pull: new Guard(config.endpoints.pullRps, config),
    ack: new Guard(config.endpoints.ackRps, config),
  };
  const sources = new SourceTable([all, guards.push, guards.pull, guards.ack]);
  return {
    take(endpoint, source, monotonicMs) {
      const one = guards[endpoint];
      const slot = sources.slotOf(source);
      const nowMs = wholeTicks(monotonicMs);
      if (all.waitMs(slot, nowMs) <= 0 && one.waitMs(slot, nowMs) <= 0) {
        all.grant(slot, nowMs);
        one.grant(slot, nowMs);
        return undefined;
      }
      if (!all.bans(slot, nowMs) && !one.bans(slot, nowMs)) {
        all.refuse(slot, nowMs);
        one.refuse(slot, nowMs);
      }
      const waitMs = Math.max(all.waitMs(slot, nowMs), one.waitMs(slot, nowMs));
      return Math.max(1, Math.ceil(waitMs / 1000));
    },
  };
}

/** In 1024ths of a millisecond, so that what is added to a time and taken off again is exact: a ban of 300 s never looks longer. */
function wholeTicks(ms: number): number {
  return Math.floor(ms * 1024) / 1024;
}

/** The buckets and the bans of one rate, in columns that sources have slots in. Zeros are a full bucket, unbanned. */
class Guard {
  /** When each bucket will be full again. Time refills it without anyone's doing. */
  readonly #fullMs = new Float64Array(SLOTS);
  /** When each ban ends or ended. */
  readonly #banEndMs = new Float64Array(SLOTS);
  /** Since the last grant, or the ban that they led to. */
  readonly #refusals = new Uint32Array(SLOTS);
  /** How long a token takes to come back. */
  readonly #tokenMs: number;
  /** A bucket that will be full within this time holds at least one token. */
  readonly #spareMs: number;
  readonly #banMs: number;
  readonly #banAfter: number;

  constructor(rps: number, { burst, banSeconds, banAfter }: RelayConfig['rateLimit']) {
    this.#tokenMs = 1000 / rps;
    this.#spareMs = (burst - 1) * this.#tokenMs;
    this.#banMs = banSeconds * 1000;
    this.#banAfter = banAfter;
  }

  /** How long until a token is there and no ban; 0 or less where that is so now. */
  waitMs(slot: number, nowMs: number): number {
    return Math.max(at(this.#fullMs, slot) - this.#spareMs, at(this.#banEndMs, slot)) - nowMs;
  }

  bans(slot: number, nowMs: number): boolean {
    return at(this.#banEndMs, slot) > nowMs;
  }

  /** Takes a token, which must be there. */
  grant(slot: number, nowMs: number): void {
    this.#fullMs[slot] = Math.max(at(this.#fullMs, slot), nowMs) + this.#tokenMs;
    this.#refusals[slot] = 0;
  }

  /** Counts a refusal if a token was wanting here, and bans the source once there were too many. */
  refuse(slot: number, nowMs: number): void {
    if (at(this.#fullMs, slot) - this.#spareMs <= nowMs) return;
    const refusals = at(this.#refusals, slot) + 1;
    const banned = refusals >= this.#banAfter;
    if (banned) this.#banEndMs[slot] = nowMs + this.#banMs;
    this.#refusals[slot] = banned ? 0 : refusals;
  }

  /** From then on the slot says no more than an empty one: refusals in a row end with a bucket that is full. */
  untilMs(slot: number): number {
    return Math.max(at(this.#fullMs, slot), at(this.#banEndMs, slot));
  }

  forget(slot: number): void {
    this.#fullMs[slot] = 0;
    this.#banEndMs[slot] = 0;
    this.#refusals[slot] = 0;
  }
}

function at(column: Float64Array | Uint32Array, slot: number): number {
  return column[slot] ?? 0;
}
