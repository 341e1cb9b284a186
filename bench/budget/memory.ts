import { drive } from '../drive.ts';
import { memoryMb } from '../figures.ts';
import { newRecipient } from '../requests.ts';
import { times } from '../scenario.ts';
import { emptyPulls } from '../scripts.ts';
import { type Stage, settledMb } from '../stage.ts';

const SAMPLE_MS = 20;
const CONNECTIONS = 64;
const PULLS_EACH = 1_600;

/** What a relay in use holds while nothing waits in it: one whose heap has grown to what any load makes of it. */
export async function warmMb(stage: Stage): Promise<number> {
  const pulls = () => emptyPulls(newRecipient(), PULLS_EACH);
  await drive(stage.relay, times(CONNECTIONS, pulls));
  return settledMb(stage);
}

/** What the relay holds more than before it was put through something, 10 s after its end. */
export async function addedMb(stage: Stage, run: () => Promise<unknown>): Promise<number> {
  const beforeMb = await warmMb(stage);
  await run();
  return (await settledMb(stage)) - beforeMb;
}

/** The most that the relay held, while it was put through something, more than before. */
export async function peakMb(stage: Stage, run: () => Promise<unknown>): Promise<number> {
  const beforeMb = await warmMb(stage);
  let peak = beforeMb;
  const timer = setInterval(() => {
    peak = Math.max(peak, memoryMb(stage.relay.pid, 'RssAnon'));
  }, SAMPLE_MS);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return peak - beforeMb;
}
