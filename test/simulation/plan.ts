import type { StoreLimits } from '../../src/stores/store.ts';
import { UNIT_BYTES } from './contents.ts';
import type { CrashPlan, FaultPlan } from './operations.ts';
import { below, chance, pick, type Random } from './random.ts';

/** Small, so that rotation and cleaning are in most histories. */
export const SEGMENT_BYTES = 16 * UNIT_BYTES;
const SEGMENT_UNITS = SEGMENT_BYTES / UNIT_BYTES;

/** No disk is smaller: the four spares and two segments. */
const CAPACITY_MIN = 6 * SEGMENT_UNITS;

/** What a history is like: drawn once from its seed. */
export interface Plan {
  readonly limits: StoreLimits;
  readonly rounds: number;
  /** Operations in flight at once, at most. */
  readonly width: number;
  readonly payloadBytesMax: number;
  /** Of what a round does. */
  readonly ackShare: number;
  /** Chance of a crash to be set up in a round. */
  readonly crashRate: number;
  /** What goes wrong with the disk besides. */
  readonly trouble: 'none' | 'faults' | 'full' | 'damage';
  readonly capacity: number;
}

export function drawPlan(random: Random): Plan {
  const trouble = pick(random, ['none', 'none', 'faults', 'full', 'damage'] as const);
  const isFull = trouble === 'full';
  return {
    limits: {
      messageTtlMs: pick(random, [2_000n, 20_000n, 10_000_000n]),
      dedupWindowMs: pick(random, [0, 1_000, 20_000]),
      messagesPerMailboxMax: Number.POSITIVE_INFINITY,
      bytesPerMailboxMax: Number.POSITIVE_INFINITY,
      messagesMax: Number.POSITIVE_INFINITY,
    },
    rounds: pick(random, isFull ? [40, 80] : [20, 40, 80]),
    width: pick(random, [1, 3, 6]),
    payloadBytesMax: pick(random, [100, 5_000, 20_000]),
    ackShare: pick(random, isFull ? [0.1, 0.2, 0.3] : [0.2, 0.4, 0.5]),
    crashRate: pick(random, [0.05, 0.1, 0.3]),
    trouble,
    capacity: isFull ? CAPACITY_MIN + below(random, 4 * SEGMENT_UNITS) : Number.POSITIVE_INFINITY,
  };
}

/** A crash that comes soon: in the middle of some operation, or of one that changes names, which are rare and matter. */
export function drawCrash(random: Random, from: number): CrashPlan {
  if (chance(random, 0.6)) {
    const at = from + below(random, 60);
    return (number) => number >= at;
  }
  const fatal = pick(random, ['link', 'rename', 'unlink', 'flushDirectory', 'create'] as const);
  return (number, kind) => number >= from && kind === fatal;
}

/** A spell of bad luck: some of the next operations that change the disk fail. */
export function drawFaults(random: Random, from: number): FaultPlan {
  const until = from + 1 + below(random, 60);
  const share = pick(random, [0.1, 0.3, 1]);
  const fault = pick(random, ['ENOSPC', 'EIO', 'short'] as const);
  return (number, kind) => {
    if (number < from || number >= until || !chance(random, share)) return undefined;
    if (kind === 'write') return fault;
    if (kind === 'flush' || kind === 'flushDirectory') return fault === 'EIO' ? fault : undefined;
    return (kind === 'create' || kind === 'link') && fault === 'ENOSPC' ? fault : undefined;
  };
}

/** Pages that the disk does not give: some of the next reads fail. */
export function drawReadFaults(random: Random, from: number): FaultPlan {
  const until = from + 1 + below(random, 30);
  return (number, kind) =>
    kind === 'read' && number >= from && number < until && chance(random, 0.5) ? 'EIO' : undefined;
}
