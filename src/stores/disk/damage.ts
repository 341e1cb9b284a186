import { RelayError } from '../../errors.ts';
import type { Log as Logger } from '../../log.ts';

/** `head`: of a segment; `missing`: a segment; `sealed`: the last segment, so that one behind it is missing. */
export type DamageKind = 'head' | 'missing' | 'sealed' | 'batch' | 'message';

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

/** For a start: damage ends it, a torn batch is dropped. */
export function strictly(logger: Logger): Findings {
  return {
    onDamage({ file, offset, what }) {
      throw new RelayError(
        'storage_error',
        `${file} at ${offset}: ${what}. The store is not opened, so that nothing is lost: bring the whole directory back ` +
          'from a backup, or save what can be saved with enigma-relay verify --repair',
      );
    },
    onTorn({ file, offset, bytes }) {
      logger.warn({ file, offset, bytes }, 'a batch that was never answered is torn; dropped');
    },
  };
}
