import { RelayError } from '../../errors.ts';
import type { Logger } from '../../log.ts';

/**
 * `head`: of a segment; `version`: a segment of another format version, which is no damage; `missing`: a segment; `remains`: all
 * segments are missing; `sealed`: the last segment, so that one behind it is missing.
 */
export type DamageKind = 'head' | 'version' | 'missing' | 'remains' | 'sealed' | 'batch' | 'message';

/** A place in the files that is not as this program left it. */
export interface Damage {
  readonly kind: DamageKind;
  readonly file: string;
  readonly offset: number;
  /** How far it reaches, as far as is known. */
  readonly bytes: number;
  /** What is wrong there, in words. */
  readonly what: string;
  /** Whether a relay refuses to start because of it. */
  readonly stopsStart: boolean;
}

/** What is left of a batch that was never answered, as its write was cut short. */
export interface Torn {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Who hears of what is found while the log is read. If `onDamage` throws, the reading ends there. */
export interface Findings {
  readonly onDamage: (damage: Damage) => void;
  readonly onTorn: (torn: Torn) => void;
}

/** What helps where no relay starts because of this. */
export function remedyOf(kind: DamageKind): string {
  if (kind === 'version') return 'use the version of enigma-relay that wrote it';
  if (kind === 'remains')
    return 'nothing is left in it to be saved: bring the whole directory back from a backup, or begin with an empty one';
  return 'bring the whole directory back from a backup, or save what can be saved with enigma-relay verify --repair';
}

/** For a start: damage ends it, a torn batch is dropped. */
export function strictly(logger: Logger): Findings {
  return {
    onDamage({ kind, file, offset, what }) {
      const why = `${file} at ${offset}: ${what}. The store is not opened, so that nothing is lost: ${remedyOf(kind)}`;
      throw new RelayError('storage_error', why);
    },
    onTorn({ file, offset, bytes }) {
      logger.warn({ file, offset, bytes }, 'a batch that was never answered is torn; dropped');
    },
  };
}
