import { chance } from '../test/simulation/random.ts';
import type { Stage } from './stage.ts';

/** Refusals that show that the disk is full, and stored pushes that show that it no longer is. */
const ENOUGH = 50;
const FULL_WITHIN_MS = 120_000;
const ROOM_WITHIN_MS = 10_000;

/** Fills the disk; pulls, acks and restarts go on meanwhile; once enough is acked, pushes are taken again. */
export async function full(stage: Stage): Promise<string> {
  const { counts } = stage.mail;
  const { refusals } = counts;
  await stage.loadUntil(0, () => counts.refusals > refusals + ENOUGH, FULL_WITHIN_MS, 'the disk never fills');
  await stage.look();
  const queuedBytes = stage.mail.queuedBytes;
  const restarts = chance(stage.random, 0.5);
  if (restarts) {
    if (chance(stage.random, 0.5)) await stage.relay.stop();
    else await stage.relay.kill();
    await stage.start();
  }

  const enoughAcked = () => stage.mail.queuedBytes < queuedBytes * 0.4;
  await stage.loadUntil(1, enoughAcked, FULL_WITHIN_MS, 'acks do not go on');
  const [{ pushes }, startMs] = [{ ...counts }, performance.now()];
  await stage.loadUntil(
    0,
    () => counts.pushes > pushes + ENOUGH,
    ROOM_WITHIN_MS,
    'pushes are not taken again',
  );
  const roomMs = Math.round(performance.now() - startMs);
  await stage.look();
  await stage.relay.kill();
  const megabytes = Math.round(queuedBytes / 1e6);
  return `full at ${megabytes} MB${restarts ? ', restarted' : ''}, ${ENOUGH} pushes within ${roomMs} ms of acks`;
}
