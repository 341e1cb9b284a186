import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ackBytes, pushHeadBytes } from '../../src/stores/disk/record.ts';
import { drive } from '../drive.ts';
import { ackRequest, newRecipient, pullRequest } from '../requests.ts';
import { times } from '../scenario.ts';
import { ENDLESS, type Page, pushes, readPage, type Script } from '../scripts.ts';
import type { Row } from './rows.ts';

/** A second stands for a minute: what lasts ten minutes by default lasts ten seconds here. */
const SECONDS = 60;
const TEN_MINUTES = '10';
const MAILBOXES = 100;
const SEGMENT_MB = 16_777_216 / 1e6;
const SAMPLE_MS = 250;
/** What expires is gone at once, its files only when they were cleaned: what lived in the last second counts. */
const SAMPLES_BACK = 4;

/** Files of the store above twice what lives in it, while messages come, are acked, and expire. */
export const churn: Row = {
  name: 'churn',
  about: 'files above twice what lives, at most, through an hour of pushes, acks and expiry in a minute',
  // Four segments, and three in reserve.
  allowedMb: 7 * SEGMENT_MB,
  settings: async () => ({
    'relay.message_ttl_seconds': TEN_MINUTES,
    'relay.dedup_window_seconds': TEN_MINUTES,
    'relay.gc_interval_seconds': '1',
    'metrics.address': `"127.0.0.1:${await freePort()}"`,
  }),
  async measure({ relay, directory, settings }) {
    const store = join(directory, 'store');
    const metricsUrl = `http://${JSON.parse(settings['metrics.address'] ?? '')}/metrics`;
    const driven = drive(relay, traffic(), SECONDS);
    let over = false;
    const ended = driven.finally(() => {
      over = true;
    });
    let worstMb = 0;
    const livedMb: number[] = [];
    while (!over) {
      livedMb.push(await livingMb(metricsUrl));
      const filesMb = await sizeMb(store);
      // What lives changes while it is looked at.
      livedMb.push(await livingMb(metricsUrl));
      worstMb = Math.max(worstMb, filesMb - 2 * Math.max(...livedMb.slice(-2 * SAMPLES_BACK)));
      await sleep(SAMPLE_MS);
    }
    await ended;
    return worstMb;
  },
};

/** Small messages and larger ones; half of the mailboxes are read, the others' messages expire. */
function traffic(): Script[] {
  const read = times(MAILBOXES, newRecipient);
  const forgotten = times(MAILBOXES, newRecipient);
  return [
    ...[256, 1_024, 1_024, 16_384].map((bytes) => pushes(read, bytes, { requests: ENDLESS })),
    ...[256, 1_024, 1_024, 16_384].map((bytes) => pushes(forgotten, bytes, { requests: ENDLESS })),
    ...times(4, () => readAndAck(read)),
  ];
}

/** Pulls a page of each mailbox in turn, and acks what is on it. */
function readAndAck(recipients: readonly string[]): Script {
  let turn = Math.floor(Math.random() * recipients.length);
  let recipient = '';
  let page: Page = { messageIds: [], cursor: null };
  return {
    next() {
      if (page.messageIds.length > 0) return ackRequest(recipient, page.messageIds);
      recipient = recipients[turn++ % recipients.length] as string;
      return pullRequest(recipient);
    },
    check(answer) {
      const acked = page.messageIds.length > 0;
      if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`);
      page = acked ? { messageIds: [], cursor: null } : readPage(answer);
    },
  };
}

/** What the records of all messages and memories take, in MB. */
async function livingMb(metricsUrl: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const of = (name: string) => Number(new RegExp(`^enigma_relay_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  const recipient = newRecipient();
  const heads = of('messages') * (pushHeadBytes(recipient, 'text') ?? Number.NaN);
  return (of('payload_bytes') + heads + of('memories') * ackBytes(recipient)) / 1e6;
}

async function sizeMb(directory: string): Promise<number> {
  const sizes = (await readdir(directory)).map(async (name) => {
    // A file may go while it is counted.
    const found = await stat(join(directory, name)).catch(() => undefined);
    return found?.size ?? 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1e6;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
