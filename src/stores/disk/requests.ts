import { RelayError } from '../../errors.ts';
import type { MessageKey, NewMessage } from '../../message.ts';
import { uuidWords } from '../mailboxes/uuid.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { AckResult, PushResult } from '../store.ts';
import { inTurns, STEPS_A_TURN } from '../turns.ts';
import type { Batch } from './batch.ts';
import { ACK, ackBytes, pushHeadBytes } from './record.ts';

/** Something that a caller wants written. */
export interface Request<Answer = unknown> {
  readonly purpose: 'push' | 'ack';
  readonly recipient: string;
  /** Whether it takes several turns of the event loop to decide. */
  readonly isLong: boolean;
  /** Bound of the records that it adds. */
  readonly bytesMax: number;
  /**
   * Decides it at a time at which nothing in its mailbox is due, adds its records to the batch, and gives its answer, which
   * holds once the batch is on disk. Throws `RelayError` for a refusal.
   */
  readonly decide: (batch: Batch, nowMs: number) => Answer | Promise<Answer>;
}

/** A request, and whom to tell. */
export interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One that is decided; the caller is told once the batch is on disk. */
export interface Decided extends Omit<Waiting, 'resolve'> {
  readonly tell: () => void;
}

/** Decides what waits, and adds it to what is decided. A promise for the few requests that take more than this turn of the event loop. */
export function decide(
  { request, resolve, reject }: Waiting,
  batch: Batch,
  nowMs: number,
  decided: Decided[],
): Promise<void> | undefined {
  const accept = (answer: unknown): void => {
    decided.push({ request, reject, tell: () => resolve(answer as never) });
  };
  const refuse = (error: unknown): void => {
    decided.push({ request, reject, tell: () => reject(error) });
    if (!(error instanceof RelayError)) throw error;
  };
  try {
    const decision = request.decide(batch, nowMs);
    if (decision instanceof Promise) return decision.then(accept, refuse);
    accept(decision);
  } catch (error) {
    refuse(error);
  }
  return undefined;
}

/** `payloadCrc` is the CRC-32 of its payload. */
export function pushRequest(
  mailboxes: Mailboxes,
  message: NewMessage,
  payloadCrc: number,
): Request<PushResult> {
  const { recipient, payload, meta } = message;
  const headBytes = pushHeadBytes(recipient, meta.kind);
  if (headBytes === undefined) throw new RelayError('invalid_input', 'recipient or kind too long');
  const words = uuidWords(message.messageId);
  const bytes = headBytes + payload.length;
  const decide = (batch: Batch, nowMs: number): PushResult => {
    const { added, result } = mailboxes.push(message, words, nowMs);
    if (added === undefined) return result;
    const { change, seq, deadlineMs } = added;
    const sizes = { payloadBytes: payload.length, payloadCrc };
    const head = { recipient, words, meta, seq, arrivalMs: nowMs, deadlineMs, ...sizes };
    change.at = batch.addPush(head, payload, headBytes);
    change.bytes = bytes;
    return result;
  };
  return { purpose: 'push', recipient, isLong: false, bytesMax: bytes, decide };
}

/** Its keys are decided a thousand in a turn of the event loop. */
export function ackRequest(
  mailboxes: Mailboxes,
  recipient: string,
  keys: readonly MessageKey[],
): Request<AckResult> {
  const bytes = ackBytes(recipient);
  const decide = (batch: Batch, nowMs: number): AckResult | Promise<AckResult> => {
    const acking = mailboxes.ack(recipient);
    let decided = 0;
    const deciding = inTurns((max) => {
      const some = keys.slice(decided, decided + max);
      for (const change of acking.decide(some)) {
        change.at = batch.addAck(ACK, { ...mailboxes.table.factOf(change.slot), ms: nowMs });
        change.bytes = bytes;
      }
      decided += some.length;
      return some.length;
    });
    return deciding === undefined ? acking.result : deciding.then(() => acking.result);
  };
  const isLong = keys.length > STEPS_A_TURN;
  return { purpose: 'ack', recipient, isLong, bytesMax: keys.length * bytes, decide };
}
