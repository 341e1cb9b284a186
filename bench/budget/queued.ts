import { newRecipient } from '../requests.ts';
import { fill, times } from '../scenario.ts';
import { addedMb } from './memory.ts';
import type { Row } from './rows.ts';

interface Queue {
  readonly name: string;
  readonly messages: number;
  /** Their names have 64 digits. */
  readonly mailboxes: number;
  readonly payloadBytes: number;
  readonly allowedMb: number;
}

/** Memory that waiting messages take. */
export function queued({ name, messages, mailboxes, payloadBytes, allowedMb }: Queue): Row {
  return {
    name,
    about: `memory that ${messages.toLocaleString('en')} messages in ${mailboxes.toLocaleString('en')} mailboxes take`,
    allowedMb,
    measure(stage) {
      const recipients = times(mailboxes, newRecipient);
      return addedMb(stage, () => fill(stage, recipients, messages, payloadBytes));
    },
  };
}
