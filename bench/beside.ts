import { drive } from './drive.ts';
import { percentile } from './figures.ts';
import { pace } from './pace.ts';
import { ATTACHMENT_BYTES } from './rates.ts';
import { newRecipient } from './requests.ts';
import { endlessPushes, type Outcome, type Scenario } from './scenario.ts';
import { emptyPulls } from './scripts.ts';
import type { Stage } from './stage.ts';

const PUSHING_CONNECTIONS = 4;
const PULLS_PER_SECOND = 100;

/** How long an empty pull waits while others push attachments: what holds the relay's one thread shows in it. */
export const besideScenario: Scenario = {
  name: 'pulls-beside-pushes',
  about: `${PULLS_PER_SECOND} empty pulls a second beside ${PUSHING_CONNECTIONS} connections that push ${ATTACHMENT_BYTES} bytes, and alone`,
  pushConnections: PUSHING_CONNECTIONS,
  async run(stage): Promise<Outcome> {
    const { relay, effort } = stage;
    await drive(relay, endlessPushes(PUSHING_CONNECTIONS, ATTACHMENT_BYTES), effort.warmUpSeconds);
    const aloneMs = await pullsMs(stage);
    const pushing = drive(relay, endlessPushes(PUSHING_CONNECTIONS, ATTACHMENT_BYTES), effort.paceSeconds);
    const [besideMs, pushes] = await Promise.all([pullsMs(stage), pushing]);
    return {
      figures: {
        aloneP99Ms: percentile(aloneMs, 0.99),
        besideP50Ms: percentile(besideMs, 0.5),
        besideP99Ms: percentile(besideMs, 0.99),
        pushesPerSecond: pushes.requests / pushes.seconds,
      },
    };
  },
};

async function pullsMs({ relay, effort }: Stage): Promise<readonly number[]> {
  const pulls = [emptyPulls(newRecipient())];
  return (await pace(relay, pulls, PULLS_PER_SECOND, effort.paceSeconds)).latenciesMs;
}
