import { gzipSync } from 'node:zlib';
import { times } from '../scenario.ts';
import { peakMb } from './memory.ts';
import type { Row } from './rows.ts';
import { send } from './send.ts';

const CONNECTIONS = 256;
const INFLATED_BYTES = 200_000_000;

/** The most memory that bodies take which are small when they come, and blow up. */
export const bombs: Row = {
  name: 'bombs',
  about: 'peak memory while 256 connections push bodies of gzip that would become 200 MB each',
  allowedMb: 256,
  measure(stage) {
    const body = gzipSync(Buffer.alloc(INFLATED_BYTES));
    const head = Buffer.from(
      'POST /push HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n' +
        `Content-Length: ${body.length}\r\n\r\n`,
    );
    const refused = () => send(stage.relay, [head, body], [413]);
    return peakMb(stage, () => Promise.all(times(CONNECTIONS, refused)));
  },
};
