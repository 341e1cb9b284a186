import type { Message } from '../../message.ts';
import type { Page } from '../store.ts';
import type { KeptRecord } from './kept-record.ts';

/**
 * A page of records, which become messages only for who asks for that. A copy of it (`{ ...page }`, of a store that wraps
 * this one) has them as messages and not as records: what is changed there is what is sent.
 */
export class DiskPage implements Page {
  /** The same function for all pages: for one with a function of its own V8 makes a shape that keeps the page in memory. */
  static readonly #messages: PropertyDescriptor & ThisType<DiskPage> = {
    enumerable: true,
    get() {
      this.#made ??= this.#records.map((record) => record.message());
      return this.#made;
    },
  };
  declare readonly messages: readonly Message[];
  readonly more: boolean;
  readonly remaining: number;
  readonly release: () => void;
  readonly #records: readonly KeptRecord[];
  readonly #isPacked: boolean;
  #made: readonly Message[] | undefined;

  constructor(records: readonly KeptRecord[], rest: Required<Pick<Page, 'more' | 'remaining' | 'release'>>) {
    this.more = rest.more;
    this.remaining = rest.remaining;
    this.release = rest.release;
    this.#records = records;
    this.#isPacked = records.every(({ isPacked }) => isPacked);
    Object.defineProperty(this, 'messages', DiskPage.#messages);
  }

  get packed(): readonly KeptRecord[] | undefined {
    return this.#isPacked ? this.#records : undefined;
  }
}
