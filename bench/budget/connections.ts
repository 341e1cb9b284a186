import { connect, type Socket } from 'node:net';
import { answered } from '../answered.ts';
import { drive, type Target } from '../drive.ts';
import { newRecipient, pullRequest } from '../requests.ts';
import { times } from '../scenario.ts';
import { emptyPulls } from '../scripts.ts';
import { addedMb } from './memory.ts';
import type { Row } from './rows.ts';

const CONNECTIONS = 10_000;
/** Connections that are opened at once: fewer than wait in the queue of a listening socket. */
const OPENED_TOGETHER = 100;
const REQUESTS_MEANWHILE = 1_000;

/** Memory that connections take on which nothing happens any more, while others are served. */
export const idleConnections: Row = {
  name: 'connections-10k',
  about: 'memory that 10,000 kept connections take, after a request on each',
  allowedMb: 100,
  async measure(stage) {
    const sockets: Socket[] = [];
    try {
      return await addedMb(stage, async () => {
        while (sockets.length < CONNECTIONS) {
          sockets.push(...(await Promise.all(times(OPENED_TOGETHER, () => used(stage.relay)))));
        }
        await drive(stage.relay, [emptyPulls(newRecipient(), REQUESTS_MEANWHILE)]);
      });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

/** A connection that a client keeps after an answer. */
async function used({ url }: Target): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(pullRequest(newRecipient()));
  await answered(socket);
  return socket;
}
