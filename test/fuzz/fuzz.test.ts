import { test } from 'node:test';
import fc from 'fast-check';
import { targets } from './targets.ts';

for (const { name, runs, open } of targets) {
  test(`whatever comes from outside: ${name}`, async () => {
    const { property, close } = await open();
    try {
      await fc.assert(property, { numRuns: runs });
    } finally {
      await close();
    }
  });
}
