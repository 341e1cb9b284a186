import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contractLimits, keyOf, message } from '../stores/harness.ts';
import { visible } from './answers.ts';
import { explain, part, whole } from './explain.ts';
import { Model } from './model.ts';

const NOW_MS = 1_000;
const [first, large, third, late] = [
  message(1),
  message(2, { payload: Buffer.alloc(3_000_000) }),
  message(3),
  message(4),
];
const pulled = { recipient: 'alice', afterSeq: 0, limit: { messagesMax: 3, bytesMax: 4_000_000 } };

/** A mailbox that is full, from which one message is acked, and to which one is pushed while a page of it is sent. */
function explained(page: { count: number; more: boolean; remaining: number }): number {
  const before = new Model({ ...contractLimits, messagesPerMailboxMax: 3, bytesPerMailboxMax: 10_000_000 });
  for (const each of [first, large, third]) before.push(each, NOW_MS);
  const all = before.messages.map(visible);
  const ack = whole((model) => model.ack('alice', [keyOf(first)], NOW_MS).deleted === 1);
  const push = whole((model) => {
    try {
      return model.push(late, NOW_MS).stored;
    } catch {
      return false;
    }
  });
  const answer = { messages: all.slice(0, page.count), more: page.more, remaining: page.remaining };
  return explain(before, [ack, push, part(pulled, answer, NOW_MS)]).length;
}

test('a page in parts is explained by what happens between two of them, and by nothing else', () => {
  // Pulled before both; or its last part behind the ack, or behind both.
  for (const [more, remaining] of [
    [false, 0],
    [true, 0],
  ] as const)
    assert.ok(explained({ count: 3, more, remaining }) > 0, `${more} ${remaining}`);
  for (const [count, more, remaining] of [
    [3, true, 1],
    [3, false, 1],
    [2, true, 1],
    [2, false, 0],
  ] as const)
    assert.equal(explained({ count, more, remaining }), 0, `${count} ${more} ${remaining}`);
});
