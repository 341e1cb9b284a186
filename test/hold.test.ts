import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { holdUntilTurnEnds } from '../src/hold.ts';

test('answers leave at the end of the turn if the turn before had many, and at once if it had few', async () => {
  for (const [answers, before] of [
    [3, 0],
    [2, 3],
    [1, 2],
    [5, 1],
    [3, 5],
  ] as const) {
    const streams = Array.from({ length: answers }, () => new PassThrough());
    for (const stream of streams) {
      holdUntilTurnEnds(stream);
      stream.write('answer');
    }
    const left = streams.filter((stream) => stream.read() !== null).length;
    assert.equal(left, before < 3 ? answers : 0, `${answers} after ${before}`);
    await nextTurn();
    if (before >= 3) for (const stream of streams) assert.equal(String(stream.read()), 'answer');
  }
});
