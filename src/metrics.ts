/** What the relay counts from its start; operations and the sweep add to it, `/stats` and the scrape read it. */
export class Counters {
  /** Requests past the rate limit with a well-formed body, refused ones too; so for pull and ack. */
  pushTotal = 0;
  pushStored = 0;
  /** Pushes of what was queued or remembered already. */
  duplicates = 0;
  pullTotal = 0;
  ackTotal = 0;
  /** Messages deleted by acks. */
  ackDeleted = 0;
  /** Requests answered 429. */
  rateLimited = 0;
  /** Expired messages removed. */
  gcRemoved = 0;
}

export type Route = 'push' | 'pull' | 'ack' | 'health' | 'stats' | 'other';

/** Told of every answer, when metrics are on. */
export interface Observe {
  request(route: Route, status: number, seconds: number): void;
}
