import type { MessageKey } from '../../message.ts';
import type { AckResult } from '../store.ts';
import type { Change, Changes } from './changes.ts';
import { LIVE, PENDING } from './slots.ts';
import type { Table } from './table.ts';
import { uuidWords } from './uuid.ts';

/** An ack that is being decided, some of its keys at a time. */
export class Acking {
  readonly #table: Table;
  readonly #changes: Changes;
  readonly #recipient: string;
  readonly #seen = new Set<string>();
  #deleted = 0;

  constructor(table: Table, changes: Changes, recipient: string) {
    this.#table = table;
    this.#changes = changes;
    this.#recipient = recipient;
  }

  /** Decides some keys; gives what was noted for those that are there. */
  decide(keys: readonly MessageKey[]): Change[] {
    const changes: Change[] = [];
    for (const key of keys) {
      const name = `${key.messageId}/${key.chunkIndex}`;
      if (this.#seen.has(name)) continue;
      this.#seen.add(name);
      const change = this.#decideOne(key);
      if (change !== undefined) changes.push(change);
    }
    this.#deleted += changes.length;
    return changes;
  }

  get result(): AckResult {
    const remaining = this.#table.mailbox(this.#recipient)?.plannedMessages ?? 0;
    return { deleted: this.#deleted, missing: this.#seen.size - this.#deleted, remaining };
  }

  #decideOne({ messageId, chunkIndex }: MessageKey): Change | undefined {
    const mailbox = this.#table.mailbox(this.#recipient);
    if (mailbox === undefined) return undefined;
    const slot = this.#table.find(mailbox, uuidWords(messageId), chunkIndex);
    const state = this.#table.slots.state.get(slot);
    return state === LIVE || state === PENDING ? this.#changes.ack(mailbox, slot) : undefined;
  }
}
