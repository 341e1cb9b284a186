import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { drive, type Target } from '../drive.ts';
import { newRecipient, pullRequest } from '../requests.ts';
import { times } from '../scenario.ts';
import { PAGE_MESSAGES, pushes } from '../scripts.ts';
import { peakMb } from './memory.ts';
import type { Row } from './rows.ts';

const READERS = 64;
const BYTES_PER_SECOND = 10_000;
/** Long enough for the relay to have made all the pages; none is read to its end. */
const SECONDS = 20;
const STEPS_PER_SECOND = 10;
/** Each asks again and again without waiting for its answers. */
const PULLS_EACH = 16;

interface SlowPage {
  readonly name: string;
  readonly about: string;
  readonly messages: number;
  readonly payloadBytes: number;
}

/** The most memory that pages take whose readers are slow. */
function slowReaders({ name, about, messages, payloadBytes }: SlowPage): Row {
  return {
    name,
    about: `peak memory while 64 readers take ${about} at 10 KB/s each, and ask for more`,
    allowedMb: 256,
    async measure(stage) {
      const recipient = newRecipient();
      await drive(stage.relay, [pushes([recipient], payloadBytes, { requests: messages })]);
      return peakMb(stage, async () => {
        const readers = times(READERS, () => asking(stage.relay, recipient));
        for (let step = 0; step < SECONDS * STEPS_PER_SECOND; step++) {
          await sleep(1000 / STEPS_PER_SECOND);
          for (const reader of readers) reader.read(BYTES_PER_SECOND / STEPS_PER_SECOND);
        }
        const served = readers.filter(({ bytesRead }) => bytesRead > 0).length;
        for (const reader of readers) reader.destroy();
        if (served < READERS) throw new Error(`${READERS - served} readers were given nothing`);
      });
    },
  };
}

export const slowReaderRows: readonly Row[] = [
  slowReaders({
    name: 'slow-readers',
    about: 'a full page of 4 MiB',
    // As many as fill a page of the default length by both of its measures.
    messages: PAGE_MESSAGES,
    payloadBytes: 16_384,
  }),
  slowReaders({
    name: 'slow-readers-8m',
    about: 'a message of 8 MiB',
    messages: 2,
    payloadBytes: 8 * 1024 * 1024,
  }),
];

/** A connection that has asked for pages, and is read by hand. */
function asking({ url }: Target, recipient: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.on('readable', () => {});
  for (let pulls = 0; pulls < PULLS_EACH; pulls++) socket.write(pullRequest(recipient));
  return socket;
}
