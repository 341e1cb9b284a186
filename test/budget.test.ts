import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget } from '../src/budget.ts';

const SIZE = 100;

const moves = fc.array(
  fc.oneof(
    fc.record({ source: fc.constantFrom('a', 'b', 'c', 'd'), claim: fc.integer({ min: 1, max: 150 }) }),
    fc.record({ release: fc.nat({ max: 20 }) }),
  ),
  { maxLength: 60 },
);

type Move = { readonly source: string; readonly claim: number } | { readonly release: number };

interface Claimed {
  readonly source: string;
  readonly bytes: number;
  granted: boolean;
  /** Who was given room while this one waited. */
  readonly passedBy: string[];
  /** Its source held nothing, and waited for nothing, when it was made. */
  readonly isNew: boolean;
  release(): void;
}

/** Calls `check` after each move, with the claims that are open, in order; releases all in the end. */
async function play(
  history: readonly Move[],
  check: (open: readonly Claimed[], budget: Budget) => void,
): Promise<void> {
  const budget = new Budget(SIZE);
  const open: Claimed[] = [];
  const settle = async (): Promise<void> => {
    await new Promise(setImmediate);
    check(open, budget);
  };
  for (const move of history) {
    if ('claim' in move) open.push(claim(budget, move.source, move.claim, open));
    else if (open.length > 0) open.splice(move.release % open.length, 1)[0]?.release();
    await settle();
  }
  while (open.length > 0) {
    open.shift()?.release();
    await settle();
  }
}

function claim(budget: Budget, source: string, asked: number, open: readonly Claimed[]): Claimed {
  const isNew = !open.some((other) => other.source === source);
  const { granted, release } = budget.claim(source, asked);
  const bytes = Math.min(asked, SIZE);
  const claimed: Claimed = { source, bytes, granted: false, passedBy: [], isNew, release };
  granted.then(() => {
    claimed.granted = true;
    for (const other of open) if (!other.granted) other.passedBy.push(source);
  });
  return claimed;
}

function heldBy(open: readonly Claimed[], source?: string): number {
  const holding = open.filter((one) => one.granted && (source === undefined || one.source === source));
  return holding.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Whether its source's share allows for it. */
function isWithinShare(open: readonly Claimed[], { source, bytes }: Claimed): boolean {
  const held = heldBy(open, source);
  return held === 0 || held + bytes <= SIZE - heldBy(open) - bytes;
}

/** The claims whose turn may be next: the first of each source that its share allows for. */
function candidates(open: readonly Claimed[]): Claimed[] {
  const waiting = open.filter((one) => !one.granted);
  const firsts = waiting.filter((one) => waiting.find(({ source }) => source === one.source) === one);
  return firsts.filter((one) => isWithinShare(open, one));
}

test('no more than there is is granted; each source in order, and as soon as it fits', async () => {
  await fc.assert(
    fc.asyncProperty(moves, (history) =>
      play(history, (open, budget) => {
        assert.ok(heldBy(open) <= SIZE);
        for (const source of new Set(open.map((one) => one.source))) {
          const granted = open.filter((one) => one.source === source).map((one) => one.granted);
          assert.deepEqual(granted, granted.toSorted().reverse(), 'in order');
        }
        // One of them waits for room that is not there, and the others behind it.
        const next = candidates(open);
        const free = SIZE - heldBy(open);
        assert.ok(next.length === 0 || next.some(({ bytes }) => bytes > free), 'as soon as it fits');
        assert.equal(
          budget.isWanted,
          open.some(({ granted }) => !granted),
        );
      }),
    ),
  );
});

test('one that begins waits for one claim of each other source at most', async () => {
  await fc.assert(
    fc.asyncProperty(moves, (history) =>
      play(history, (open) => {
        for (const { isNew, passedBy, source } of open) {
          if (!isNew) continue;
          const others = passedBy.filter((other) => other !== source);
          assert.equal(new Set(others).size, others.length);
        }
      }),
    ),
  );
});

test('sources share: one alone gets to half, and leaves as much to the next as it has', async () => {
  const budget = new Budget(SIZE);
  const granted: string[] = [];
  const claim = (source: string) => {
    const made = budget.claim(source, 10);
    made.granted.then(() => granted.push(source));
    return made;
  };
  const first = Array.from({ length: 8 }, () => claim('a'));
  for (let number = 0; number < 8; number++) claim('b');
  await new Promise(setImmediate);
  assert.deepEqual(granted.join(''), 'aaaaabb');
  first[0]?.release();
  await new Promise(setImmediate);
  assert.deepEqual(granted.join(''), 'aaaaabbb');
});
