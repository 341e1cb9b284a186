import type { Socket } from 'node:net';
import { AnswerReader } from './answer.ts';

/** Resolves once a whole answer has come on a connection, the first one; it must have one of these statuses. */
export function answered(socket: Socket, statuses: readonly number[] = [200]): Promise<void> {
  const reader = new AnswerReader();
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (piece) => {
      const answer = reader.read(piece);
      if (answer === undefined) return;
      if (statuses.includes(answer.status)) resolve();
      else reject(new Error(`${answer.status}: ${answer.body}`));
    });
  });
}
