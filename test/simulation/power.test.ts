import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Course, playHistory } from './power.ts';

/** Histories in the suite; more with HISTORIES=…, other ones with SEED=… as the first. */
const count = Number(process.env.HISTORIES ?? 2_000);
const first = Number(process.env.SEED ?? 1);

test('whatever a disk does when the power goes, what was answered holds', async () => {
  const courses: Course[] = [];
  for (let seed = first; seed < first + count; seed++) {
    try {
      courses.push(await playHistory(seed));
    } catch (error) {
      const replay = `SEED=${seed} HISTORIES=1 node --test dist/test/simulation/power.test.js`;
      const reason = error instanceof Error ? error.stack : error;
      throw new Error(`history ${seed} breaks a promise; play it again with ${replay}\n${reason}`);
    }
  }
  const share = (has: (course: Course) => boolean) => courses.filter(has).length / courses.length;
  const course = {
    crashed: share(({ crashes }) => crashes > 0),
    rotated: share(({ rotations }) => rotations > 1),
    cleaned: share(({ removals }) => removals > 0),
    refused: share(({ refusals }) => refusals > 0),
  };
  if (count < 100) return;
  assert.ok(
    course.crashed > 0.5 && course.rotated > 0.5 && course.cleaned > 0.3 && course.refused > 0.1,
    JSON.stringify(course),
  );
});
