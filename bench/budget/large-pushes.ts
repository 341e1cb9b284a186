import { randomBytes, randomUUID } from 'node:crypto';
import { newRecipient, post, pushBody } from '../requests.ts';
import { times } from '../scenario.ts';
import { peakMb } from './memory.ts';
import type { Row } from './rows.ts';
import { send } from './send.ts';

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
    // Of so many at a time some find no room for 8 s, and are told to come again.
    const pushed = () => send(stage.relay, [before, Buffer.from(newRecipient()), after], [200, 503]);
    return peakMb(stage, () => Promise.all(times(CONNECTIONS, pushed)));
  },
};
