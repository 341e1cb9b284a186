import type { Message, PackedMessage } from '../../message.ts';
import type { Page } from '../store.ts';
import type { KeptRecord } from './kept-record.ts';

/** A page of records, which become messages only for who asks for that. */
export class DiskPage implements Page {
  readonly packed: readonly PackedMessage[] | undefined;
  readonly more: boolean;
  readonly remaining: number;
  readonly release: () => void;
  readonly #records: readonly KeptRecord[];

  constructor(records: readonly KeptRecord[], rest: Pick<DiskPage, 'more' | 'remaining' | 'release'>) {
    this.#records = records;
    this.packed = records.every(({ isPacked }) => isPacked) ? records : undefined;
    this.more = rest.more;
    this.remaining = rest.remaining;
    this.release = rest.release;
  }

  get messages(): readonly Message[] {
    return this.#records.map((record) => record.message());
  }
}
