import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RelayConfigInput } from '../../src/config.ts';
import { startRelay } from '../../src/relay.ts';
import { testConfig } from '../helpers.ts';
import { dial, type RawConnection } from '../raw.ts';
import { checkAnswer } from './answers.ts';
import { type Expected, ExpectedRelay, itemOf, relayLimits } from './expected.ts';
import { asked, framing, piecesOf } from './requests.ts';
import type { Target } from './target.ts';
import { recipients } from './written.ts';

const steps = fc.array(fc.record({ asked, framing }), { maxLength: 12 });
const plain = {
  encoding: 'identity',
  chunks: undefined,
  cuts: [],
  headers: ['content-type: application/json'],
} as const;

/**
 * Requests that are right as HTTP, with bodies that are right or wrong in some place: each is answered as a relay on
 * paper answers it, and in the end the relay holds the messages that that one holds.
 */
export function bodies(name: string, config: RelayConfigInput): Target {
  return {
    name,
    runs: 60,
    async open() {
      const property = fc.asyncProperty(steps, async (history) => {
        const relay = await startRelay({ ...testConfig, relay: relayLimits, ...config });
        const connection = await dial(relay);
        try {
          const paper = new ExpectedRelay();
          for (const { asked, framing } of history) {
            const expected = paper.answerTo(asked);
            send(connection, piecesOf(asked.path, paper.bodyOf(asked), framing));
            paper.noteCursor(await checkNext(connection, expected));
          }
          for (const recipient of recipients) {
            const queued = paper.messages.filter((message) => message.recipient === recipient).map(itemOf);
            assert.equal(await mailbox(connection, recipient), queued.join());
          }
        } finally {
          connection.socket.destroy();
          await relay.stop();
        }
      });
      return { property, close: async () => {} };
    },
  };
}

function send(connection: RawConnection, pieces: readonly Buffer[]): void {
  for (const piece of pieces) connection.send(piece);
}

const TIMES = /,"arrival_ms":\d+,"deadline_ms":\d+/g;
const CURSOR = /(?<="next_cursor":")[^"]+/;

/** Checks the next answer; gives the cursor that it comes with. */
async function checkNext(connection: RawConnection, { status, body }: Expected): Promise<string | null> {
  const answer = await connection.answer();
  const { next_cursor: cursor = null } = checkAnswer(answer);
  const text = answer.body.toString();
  assert.equal(answer.status, status, text);
  if (body !== undefined) assert.equal(text.replace(TIMES, '').replace(CURSOR, '…'), body);
  return cursor;
}

/** All that waits for a recipient, as items of pages without their times. */
async function mailbox(connection: RawConnection, recipient: string): Promise<string> {
  const pages: string[] = [];
  let cursor: string | null = null;
  do {
    send(connection, piecesOf('/pull', JSON.stringify({ recipient, cursor }), plain));
    const { body } = await connection.answer();
    const text = body.toString();
    pages.push(text.slice('{"items":['.length, text.lastIndexOf('],"next_cursor"')).replace(TIMES, ''));
    cursor = JSON.parse(text).next_cursor;
  } while (cursor !== null);
  return pages.join();
}
