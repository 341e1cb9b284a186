import type { Payload } from './payload.ts';

/**
 * A message as its clients know it.
 *
 * - `open`: sent and not answered; it may be there, or not.
 * - `kept`: answered with 200; it must be there.
 * - `refused`: answered with 503; it must not be there before a restart, which may bring it back.
 * - `acking`: an ack was sent and not answered.
 * - `acked`: it must never be shown again.
 */
export interface Known {
  readonly recipient: string;
  readonly messageId: string;
  readonly chunkIndex: number;
  readonly chunkCount: number;
  state: 'open' | 'kept' | 'refused' | 'acking' | 'acked';
  /** What was sent under its key and may be what the relay has kept. */
  payloads: readonly Payload[];
  /** What it may live for: the relay's TTL when it was pushed, of which there may be two where nobody knows when it was. */
  ttlsMs: readonly number[];
  /** Ticks of `Mail`: when its first push was sent, when one was answered, when its ack was answered. */
  readonly sentTick: number;
  answeredTick: number;
  ackedTick: number;
  /** Bounds of its arrival, by the wall clock. */
  bornMinMs: number;
  bornMaxMs: number;
  /** Until when its key must be remembered, once it is acked. */
  rememberedUntilMs: number;
  /** A push or an ack of it is on its way, so that what its answer must be can be told; pulls go on meanwhile. */
  busy: boolean;
}

/** What the clocks of two processes may differ by, and a deadline be met late. */
export const SLACK_MS = 250;

/** Whether the relay must have it at this time, and not yet drop it. */
export function mustLive(known: Known, atMs: number): boolean {
  return known.state === 'kept' && !mayBeDue(known, atMs);
}

export function mayBeDue({ bornMinMs, ttlsMs }: Known, atMs: number): boolean {
  return bornMinMs + Math.min(...ttlsMs) <= atMs + SLACK_MS;
}

export function isDue({ bornMaxMs, ttlsMs }: Known, atMs: number): boolean {
  return bornMaxMs + Math.max(...ttlsMs) < atMs - SLACK_MS;
}

export function keyOf({ messageId, chunkIndex }: { messageId: string; chunkIndex: number }): string {
  return `${messageId}/${chunkIndex}`;
}

export function describe({ recipient, messageId, chunkIndex, state }: Known): string {
  return `${recipient} ${messageId}/${chunkIndex}, which is ${state}`;
}
