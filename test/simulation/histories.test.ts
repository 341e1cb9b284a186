import { test } from 'node:test';
import fc from 'fast-check';
import { targets } from './targets.ts';

const count = Number(process.env.HISTORIES ?? 100);

for (const { name, histories, play } of targets) {
  // Over the wire a history takes several times as long.
  const numRuns = name.includes('over the wire') ? count / 5 : count;
  test(name, () => fc.assert(fc.asyncProperty(histories, play), { numRuns }));
}
