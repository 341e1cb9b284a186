import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget } from '../src/budget.ts';

test('claims are granted in order, each as soon as it fits, and all of them in the end', async () => {
  const size = 100;
  const moves = fc.array(
    fc.oneof(
      fc.record({ claim: fc.integer({ min: 1, max: 150 }) }),
      fc.record({ release: fc.nat({ max: 20 }) }),
    ),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(moves, async (history) => {
      const budget = new Budget(size);
      const open: { asked: number; granted: boolean; release: () => void }[] = [];
      const settle = async (): Promise<void> => {
        await new Promise(setImmediate);
        const holding = open.filter((claim) => claim.granted);
        const waiting = open.slice(holding.length);
        assert.ok(
          waiting.every((claim) => !claim.granted),
          'in order',
        );
        const taken = holding.reduce((sum, { asked }) => sum + Math.min(asked, size), 0);
        assert.ok(taken <= size);
        const [next] = waiting;
        if (next !== undefined) assert.ok(taken + Math.min(next.asked, size) > size, 'as soon as it fits');
      };
      for (const move of history) {
        if ('claim' in move) {
          const { granted, release } = budget.claim(move.claim);
          const claim = { asked: move.claim, granted: false, release };
          granted.then(() => {
            claim.granted = true;
          });
          open.push(claim);
        } else if (open.length > 0) {
          open.splice(move.release % open.length, 1)[0]?.release();
        }
        await settle();
      }
      while (open.length > 0) {
        open.shift()?.release();
        await settle();
      }
    }),
  );
});
