import type { RelayConfig } from './config.ts';
import { type Clock, systemClock } from './stores/store.ts';

export type Endpoint = 'push' | 'pull' | 'ack';

export interface RateLimiter {
  /**
   * Asks for a request of `source`, a key that `createSourceResolver` gave. Undefined when it may go on;
   * otherwise after how many whole seconds, at least 1, one would be granted if the source kept still.
   */
  take(endpoint: Endpoint, source: string): number | undefined;
}

/**
 * Two guards stand before each endpoint: one for all that a source asks for, one for this endpoint of it. Either
 * has a token bucket for every source, of `burst` tokens; a request takes a token of both or of neither.
 */
export function createRateLimiter(
  config: RelayConfig['rateLimit'],
  clock: Pick<Clock, 'monotonicMs'> = systemClock,
): RateLimiter {
  const all = new Guard(config.perIpRps, config);
  const guards: Record<Endpoint, Guard> = {
    push: new Guard(config.endpoints.pushRps, config),
    pull: new Guard(config.endpoints.pullRps, config),
    ack: new Guard(config.endpoints.ackRps, config),
  };
  return {
    take(endpoint, source) {
      const one = guards[endpoint];
      const nowMs = clock.monotonicMs();
      if (all.waitMs(source, nowMs) <= 0 && one.waitMs(source, nowMs) <= 0) {
        all.grant(source, nowMs);
        one.grant(source, nowMs);
        return undefined;
      }
      if (!all.bans(source, nowMs) && !one.bans(source, nowMs)) {
        all.refuse(source, nowMs);
        one.refuse(source, nowMs);
      }
      const waitMs = Math.max(all.waitMs(source, nowMs), one.waitMs(source, nowMs));
      return Math.max(1, Math.ceil(waitMs / 1000));
    },
  };
}

/** What a guard knows of one source. From `untilMs` on it says no more than no record would. */
interface SourceRecord {
  readonly source: string;
  untilMs: number;
}

/** A bucket is kept as the moment when it will be full again: time refills it without anyone's doing. */
interface Bucket extends SourceRecord {
  /** Refusals since the last grant, or since the ban they led to. */
  refusals: number;
}

/** The buckets and the bans of one rate. */
class Guard {
  readonly #buckets = new SourceTable<Bucket>(BUCKETS_MAX);
  readonly #bans = new SourceTable<SourceRecord>(BANS_MAX);
  /** How long a token takes to come back. */
  readonly #tokenMs: number;
  /** A bucket that is full again within this time holds at least one token. */
  readonly #spareMs: number;
  readonly #banMs: number;
  readonly #banAfter: number;

  constructor(rps: number, { burst, banSeconds, banAfter }: RelayConfig['rateLimit']) {
    this.#tokenMs = 1000 / rps;
    this.#spareMs = (burst - 1) * this.#tokenMs;
    this.#banMs = banSeconds * 1000;
    this.#banAfter = banAfter;
  }

  /** How long until a request is let through, by bucket and by ban; 0 or less when one would be now. */
  waitMs(source: string, nowMs: number): number {
    const fullMs = this.#buckets.get(source)?.untilMs ?? nowMs;
    const banEndMs = this.#bans.get(source)?.untilMs ?? nowMs;
    return Math.max(fullMs - this.#spareMs, banEndMs) - nowMs;
  }

  bans(source: string, nowMs: number): boolean {
    const ban = this.#bans.get(source);
    return ban !== undefined && ban.untilMs > nowMs;
  }

  /** Takes a token, which must be there. */
  grant(source: string, nowMs: number): void {
    const bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      this.#buckets.add({ source, untilMs: nowMs + this.#tokenMs, refusals: 0 }, nowMs);
      return;
    }
    bucket.untilMs = Math.max(bucket.untilMs, nowMs) + this.#tokenMs;
    bucket.refusals = 0;
  }

  /** Counts a refusal if it was for want of a token here, and bans the source once there were too many. */
  refuse(source: string, nowMs: number): void {
    const bucket = this.#buckets.get(source);
    if (bucket === undefined || bucket.untilMs - this.#spareMs <= nowMs) return;
    bucket.refusals += 1;
    if (bucket.refusals < this.#banAfter || this.#banMs === 0) return;
    bucket.refusals = 0;
    this.#bans.add({ source, untilMs: nowMs + this.#banMs }, nowMs);
  }
}

/**
 * Sources that one guard keeps in mind, so that memory has a bound whoever calls. Bans have a table of their own:
 * no number of sources pushes one out, only as many later bans, each of which takes a burst and `ban_after` refusals.
 */
const BUCKETS_MAX = 16_384;
const BANS_MAX = 8_192;

/** How many records a new one looks at for one to forget: a bound on the work of a request. */
const LOOKED_AT_MAX = 4;

/**
 * A bounded map. Each new record looks at the next few old ones in turn and drops those that say nothing any more;
 * if the table is full all the same, the one of them that would have been the first to.
 */
class SourceTable<R extends SourceRecord> {
  readonly #records = new Map<string, R>();
  readonly #recordsMax: number;
  #hand = this.#records.values();

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
  }

  get(source: string): R | undefined {
    return this.#records.get(source);
  }

  add(record: R, nowMs: number): void {
    this.#makeRoom(nowMs);
    this.#records.set(record.source, record);
  }

  #makeRoom(nowMs: number): void {
    let soonest: R | undefined;
    for (let looked = 0; looked < LOOKED_AT_MAX; looked++) {
      const { value: record, done } = this.#hand.next();
      if (done) {
        this.#hand = this.#records.values();
      } else if (record.untilMs <= nowMs) {
        this.#records.delete(record.source);
      } else if (soonest === undefined || record.untilMs < soonest.untilMs) {
        soonest = record;
      }
    }
    if (soonest !== undefined && this.#records.size >= this.#recordsMax) this.#records.delete(soonest.source);
  }
}
