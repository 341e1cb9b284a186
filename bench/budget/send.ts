import { connect } from 'node:net';
import { answered } from '../answered.ts';
import type { Target } from '../drive.ts';

/** Sends a request on a connection of its own; resolves once it is answered, which must be with one of these statuses. */
export function send({ url }: Target, pieces: readonly Buffer[], statuses: readonly number[]): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  for (const piece of pieces) socket.write(piece);
  return answered(socket, statuses).finally(() => socket.destroy());
}
