import { certificatePath } from './certificate.ts';
import { percentile } from './figures.ts';
import { rawFlushesMs } from './floor.ts';
import { newRecipient } from './requests.ts';
import { endlessPushes, KIB, MAILBOXES, type Outcome, rates, type Scenario, times } from './scenario.ts';
import { cycles, emptyPulls } from './scripts.ts';
import type { Stage } from './stage.ts';

/** The default chunk of an attachment. */
export const ATTACHMENT_BYTES = 3_743_724;

/** The relay as it speaks TLS. */
export const tlsSettings = {
  mode: '"tls"',
  'tls.cert_pem_path': `'${certificatePath}'`,
  'tls.key_pem_path': `'${certificatePath}'`,
};

/** How many requests of a kind are answered in a second, and what one costs. */
export const rateScenarios: readonly Scenario[] = [
  { ...pushScenario('push-1', KIB, 1), run: pushNextToRawFlushes },
  ...[4, 16, 64, 256].map((connections) => pushScenario(`push-${connections}`, KIB, connections)),
  pushScenario('push-64k', 64 * KIB, 16),
  pushScenario('push-3.7m', ATTACHMENT_BYTES, 4),
  ...[1, 64].map(emptyPullScenario),
  ...[4, 64].map(cycleScenario),
  {
    name: 'tls-push-64',
    about: 'the same as push-64 over TLS, next to a bare node:https server',
    pushConnections: 64,
    settings: tlsSettings,
    run: rates(() => endlessPushes(64, KIB), { floors: ['https'] }),
  },
  {
    name: 'tls-empty-pull-64',
    about: 'the same as empty-pull-64 over TLS, next to a bare node:https server',
    pushConnections: 0,
    settings: tlsSettings,
    run: rates(() => manyEmptyPulls(64), { floors: ['https'] }),
  },
];

/** Pushes of 1 KiB are warmed up on many connections: on one it would take a relay ten seconds to have all its code compiled. */
function pushScenario(name: string, payloadBytes: number, connections: number): Scenario {
  const warmUpOn = ({ fillConnections }: Stage): number =>
    payloadBytes === KIB ? Math.max(connections, fillConnections) : connections;
  return {
    name,
    about: `durable pushes of ${payloadBytes} bytes to ${MAILBOXES} mailboxes, ${connections} connection(s)`,
    pushConnections: connections,
    run: rates(() => endlessPushes(connections, payloadBytes), {
      warmUp: (stage) => endlessPushes(warmUpOn(stage), payloadBytes),
    }),
  };
}

function emptyPullScenario(connections: number): Scenario {
  return {
    name: `empty-pull-${connections}`,
    about: `pulls from empty mailboxes, ${connections} connection(s)`,
    pushConnections: 0,
    run: rates(() => manyEmptyPulls(connections), { floors: ['http', 'socket'] }),
  };
}

function cycleScenario(connections: number): Scenario {
  return {
    name: `cycle-${connections}`,
    about: `push, pull, ack of one message of 1 KiB after another, ${connections} connections with a mailbox each`,
    pushConnections: connections,
    run: rates(() => times(connections, () => cycles(newRecipient(), KIB))),
  };
}

function manyEmptyPulls(connections: number) {
  return times(connections, () => emptyPulls(newRecipient()));
}

async function pushNextToRawFlushes(stage: Stage): Promise<Outcome> {
  const before = rawFlushesMs(stage.directory, stage.effort.flushes);
  const { comparison } = await pushScenario('push-1', KIB, 1).run(stage);
  const after = rawFlushesMs(stage.directory, stage.effort.flushes);
  const rawFlushMs = percentile([...before, ...after], 0.5);
  const pushInRawFlushes = (comparison?.relay.p50Ms ?? Number.NaN) / rawFlushMs;
  return { ...(comparison && { comparison }), figures: { rawFlushMs, pushInRawFlushes } };
}
