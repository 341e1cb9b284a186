import type { Message, PackedMessage } from '../../message.ts';
import type { Page } from '../store.ts';
import type { KeptRecord } from './kept-record.ts';

/**
 * A page of records, which become messages only for who asks for that. A copy of it (`{ ...page }`, of a store that wraps
 * this one) has them as messages and not as records: what is changed there is what is sent.
 */
export class DiskPage implements Page {
  declare readonly messages: readonly Message[];
  readonly more: boolean;
  readonly remaining: number;
  readonly release: () => void;
  readonly #records: readonly KeptRecord[];
  readonly #packed: readonly PackedMessage[] | undefined;

  constructor(records: readonly KeptRecord[], rest: Pick<DiskPage, 'more' | 'remaining' | 'release'>) {
    this.#records = records;
    this.#packed = records.every(({ isPacked }) => isPacked) ? records : undefined;
    Object.defineProperty(this, 'messages', DiskPage.#messages);
    this.more = rest.more;
    this.remaining = rest.remaining;
    this.release = rest.release;
  }

  static readonly #messages: PropertyDescriptor & ThisType<DiskPage> = {
    enumerable: true,
    get() {
      return this.#records.map((record) => record.message());
    },
  };

  get packed(): readonly PackedMessage[] | undefined {
    return this.#packed;
  }
}
