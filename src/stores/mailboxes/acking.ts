import type { MessageKey } from '../../message.ts';
import type { AckResult } from '../store.ts';
import { inTurns } from '../turns.ts';
import type { Change, Changes } from './changes.ts';
import { LIVE, PENDING } from './slots.ts';
import type { Table } from './table.ts';
import { uuidWords } from './uuid.ts';

/** An ack that is being decided, a thousand of its keys in a turn of the event loop. */
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

  /** Decides the keys; `onChanges` is given what was noted for those of each turn that are there. */
  decide(
    keys: readonly MessageKey[],
    onChanges: (changes: readonly Change[]) => void,
  ): AckResult | Promise<AckResult> {
    let decided = 0;
    const deciding = inTurns((max) => {
      const some = keys.slice(decided, decided + max);
      onChanges(this.#decideSome(some));
      decided += some.length;
      return some.length;
    });
    return deciding === undefined ? this.#result : deciding.then(() => this.#result);
  }

  get #result(): AckResult {
    const remaining = this.#table.mailbox(this.#recipient)?.plannedMessages ?? 0;
    return { deleted: this.#deleted, missing: this.#seen.size - this.#deleted, remaining };
  }

  #decideSome(keys: readonly MessageKey[]): Change[] {
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

  #decideOne({ messageId, chunkIndex }: MessageKey): Change | undefined {
    const mailbox = this.#table.mailbox(this.#recipient);
    if (mailbox === undefined) return undefined;
    const slot = this.#table.find(mailbox, uuidWords(messageId), chunkIndex);
    const state = this.#table.slots.state.get(slot);
    return state === LIVE || state === PENDING ? this.#changes.ack(mailbox, slot) : undefined;
  }
}
