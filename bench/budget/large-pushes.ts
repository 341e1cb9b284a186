import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { AnswerReader } from '../answer.ts';
import type { Target } from '../drive.ts';
import { newRecipient, post, pushBody } from '../requests.ts';
import { peakMb } from './memory.ts';
import type { Row } from './rows.ts';

const CONNECTIONS = 256;
const PAYLOAD_BYTES = 8 * 1024 * 1024;

/** The most memory that bodies take which all come at the same time. */
export const largePushes: Row = {
  name: 'large-pushes',
  about: 'peak memory while 256 connections push 8 MiB each',
  allowedMb: 256,
  measure(stage) {
    const recipient = newRecipient();
    const request = post('/push', pushBody(recipient, randomUUID(), randomBytes(PAYLOAD_BYTES)));
    const at = request.indexOf(recipient);
    const [before, after] = [request.subarray(0, at), request.subarray(at + recipient.length)];
    // All but the recipient is the same memory for every connection.
    return peakMb(stage, () =>
      Promise.all(
        Array.from({ length: CONNECTIONS }, () =>
          send(stage.relay, [before, Buffer.from(newRecipient()), after]),
        ),
      ),
    );
  },
};

/** Sends a request and resolves with its answer, which must be no refusal but one for its time. */
function send({ url }: Target, pieces: readonly Buffer[]): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const reader = new AnswerReader();
  return new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the relay closed the connection')));
    socket.on('data', (piece) => {
      const answer = reader.read(piece);
      // On a slow machine some wait for their turn until their time is over.
      if (answer?.status === 200 || answer?.status === 408) resolve();
      else if (answer !== undefined) reject(new Error(`${answer.status}: ${answer.body}`));
    });
    for (const piece of pieces) socket.write(piece);
  }).finally(() => socket.destroy());
}
