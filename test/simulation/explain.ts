import type { PageLimit } from '../../src/stores/store.ts';
import { isSame, type VisiblePage, visible } from './answers.ts';
import type { Model } from './model.ts';

/** A call that is under way: the states in which it may be carried out, or a part of it, and what is left of it then. */
export type Waiting = (model: Model) => readonly (readonly [model: Model, rest?: Waiting])[];

/** The states after calls that are under way at once, in every order that explains all of them. */
export function explain(model: Model, waiting: readonly Waiting[]): Model[] {
  if (waiting.length === 0) return [model];
  return waiting.flatMap((each, index) =>
    each(model).flatMap(([next, rest]) =>
      explain(next, waiting.toSpliced(index, 1, ...(rest === undefined ? [] : [rest]))),
    ),
  );
}

/** A call that is carried out at once. */
export function whole(agrees: (model: Model) => boolean): Waiting {
  return (before) => {
    const model = before.copy();
    return agrees(model) ? [[model]] : [];
  };
}

/** What a pull asked for. */
export interface Pulled {
  readonly recipient: string;
  readonly afterSeq: number;
  readonly limit: PageLimit;
}

/** What was sent of a page, and where it goes on. */
interface Sent {
  readonly messages: number;
  readonly bytes: number;
  readonly seq: number;
}

/**
 * A page of which each part is read when the one before was sent: a message each, as parts of several are the same in turn. Its
 * end counts what waits against what was sent, be that still there or gone.
 */
export function part(
  pulled: Pulled,
  page: VisiblePage,
  nowMs: number,
  sent: Sent = { messages: 0, bytes: 0, seq: pulled.afterSeq },
): Waiting {
  const { recipient, limit } = pulled;
  return (before) => {
    const model = before.copy();
    const { messages, remaining } = model.pull(recipient, sent.seq, { ...limit, messagesMax: 1 }, nowMs);
    const [next] = messages;
    const bytes = sent.bytes + (next?.payload.length ?? 0);
    const isFull = sent.messages === limit.messagesMax || (sent.messages > 0 && bytes > limit.bytesMax);
    if (next === undefined || isFull) {
      const waiting = remaining + messages.length;
      const end = { more: next !== undefined, remaining: Math.max(0, waiting - sent.messages) };
      const isEnd =
        page.messages.length === sent.messages && page.more === end.more && page.remaining === end.remaining;
      return isEnd ? [[model]] : [];
    }
    if (!isSame(visible(next), page.messages[sent.messages])) return [];
    const rest = part(pulled, page, nowMs, { messages: sent.messages + 1, bytes, seq: next.seq });
    // Of a page that is full by number, the end is told at the same moment.
    return sent.messages + 1 === limit.messagesMax ? rest(model) : [[model, rest]];
  };
}
