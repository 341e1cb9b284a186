import { connect } from 'node:net';
import { AnswerReader } from '../answer.ts';
import type { Target } from '../drive.ts';

/** Sends a request on a connection of its own; resolves with its answer, which must have one of these statuses. */
export function send({ url }: Target, pieces: readonly Buffer[], statuses: readonly number[]): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const reader = new AnswerReader();
  return new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the relay closed the connection')));
    socket.on('data', (piece) => {
      const answer = reader.read(piece);
      if (answer === undefined) return;
      if (statuses.includes(answer.status)) resolve();
      else reject(new Error(`${answer.status}: ${answer.body}`));
    });
    for (const piece of pieces) socket.write(piece);
  }).finally(() => socket.destroy());
}
