import { connect } from 'node:tls';
import { answered } from './answered.ts';
import { certificateAuthority } from './certificate.ts';
import { tlsSettings } from './rates.ts';
import { newRecipient, pullRequest } from './requests.ts';
import { type Outcome, type Scenario, times } from './scenario.ts';

const WARM_UP_CLIENTS = 100;
const STALLED_AFTER_MS = 15_000;

/** How long it takes until all are served who come back at once, as after a restart or a break of the network. */
export const reconnectScenario: Scenario = {
  name: 'tls-reconnect',
  about:
    '1,000 clients that connect over TLS at once and pull, without sessions and again with those they were given',
  pushConnections: 0,
  settings: tlsSettings,
  async run({ relay, effort }): Promise<Outcome> {
    const strangers = times(effort.clients, () => undefined);
    await visits(relay.url, strangers.slice(0, WARM_UP_CLIENTS));
    const first = await visits(relay.url, strangers);
    const again = await visits(relay.url, first.sessions);
    return {
      figures: {
        servedSeconds: first.seconds,
        servedAgainSeconds: again.seconds,
        reusedShare: again.reused / effort.clients,
      },
    };
  },
};

interface Visits {
  readonly seconds: number;
  /** What the clients were given, to come back with. */
  readonly sessions: readonly Buffer[];
  readonly reused: number;
}

/** Clients that connect at once, each with the session that it has, and stay until the last one is served. */
async function visits(url: string, sessions: readonly (Buffer | undefined)[]): Promise<Visits> {
  const { hostname: host, port } = new URL(url);
  const given: Buffer[] = [];
  const startedMs = performance.now();
  const served = sessions.map((session) => {
    const socket = connect({
      host,
      port: Number(port),
      ca: certificateAuthority,
      ...(session && { session }),
    });
    // A server may give several; it does before the first answer.
    socket.once('session', (next) => given.push(next));
    socket.setTimeout(STALLED_AFTER_MS, () => socket.destroy());
    socket.write(pullRequest(newRecipient()));
    return answered(socket).then(() => socket);
  });
  const sockets = await Promise.all(served);
  const seconds = (performance.now() - startedMs) / 1000;
  const reused = sockets.filter((socket) => socket.isSessionReused()).length;
  for (const socket of sockets) socket.destroy();
  return { seconds, sessions: given, reused };
}
