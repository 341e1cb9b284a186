import type { Message } from '../../message.ts';
import type { Page } from '../store.ts';
import type { KeptRecord } from './kept-record.ts';

/**
 * A page of records, which become messages only for who asks for that. A copy of it (`{ ...page }`, of a store that wraps
 * this one) has them as messages and not as records: what is changed there is what is sent.
 */
export function diskPage(
  records: readonly KeptRecord[],
  rest: Required<Pick<Page, 'more' | 'remaining' | 'release'>>,
): Page {
  let messages: readonly Message[] | undefined;
  const page: Page = {
    get messages() {
      messages ??= records.map((record) => record.message());
      return messages;
    },
    ...rest,
  };
  const packed = records.every(({ isPacked }) => isPacked) ? records : undefined;
  // Not enumerable, so that no copy has it.
  return Object.defineProperty(page, 'packed', { value: packed });
}
