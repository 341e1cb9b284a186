import { test } from 'node:test';
import fc from 'fast-check';
import { startPair } from './differential/pair.ts';
import { streams } from './differential/streams.ts';

/** Streams in the suite; more with STREAMS=…, other ones with SEED=…. */
const numRuns = Number(process.env.STREAMS ?? 1_500);
const seed = Number(process.env.SEED ?? 1);

test('the reader of plain requests and the HTTP server of Node do the same with the same bytes', async (t) => {
  const pair = await startPair(t);
  await fc.assert(
    fc.asyncProperty(streams, (stream) => pair.compare(stream)),
    { numRuns, seed, includeErrorInReport: true },
  );
});
