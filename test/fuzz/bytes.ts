import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RelayConfigInput } from '../../src/config.ts';
import { startRelay } from '../../src/relay.ts';
import { openMemoryStore } from '../../src/stores/memory.ts';
import { storeLimits } from '../../src/stores/open.ts';
import { testConfig } from '../helpers.ts';
import { checkAnswer } from './answers.ts';
import { talk } from './talk.ts';
import type { Target } from './target.ts';
import { connectionBytes } from './wire.ts';

const good = [
  Buffer.from(
    'POST /pull HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{"recipient":"bob"}',
  ),
];

/**
 * Bytes on a connection, most of them nearly HTTP: whatever they are, what comes back is HTTP with JSON in it, the
 * connection comes to its end, the store holds what was answered, and the next client is served.
 */
export function bytes(name: string, config: RelayConfigInput): Target {
  return {
    name,
    runs: 150,
    async open() {
      const property = fc.asyncProperty(connectionBytes, async (pieces) => {
        const store = openMemoryStore(storeLimits(testConfig));
        const relay = await startRelay({ ...testConfig, ...config }, { store });
        try {
          const sent = pieces.map((piece) => Buffer.from(piece, 'latin1'));
          const { answers, rest, reset } = await talk(relay.baseUrl, sent);
          const stored = answers.map(checkAnswer).filter((answer) => answer?.stored === true).length;
          if (!reset) assert.deepEqual([rest, store.figures().messages], ['', stored]);
          const next = await talk(relay.baseUrl, good);
          assert.deepEqual(
            next.answers.map(({ status }) => status),
            [200],
          );
        } finally {
          await relay.stop();
          await store.close();
        }
      });
      return { property, close: async () => {} };
    },
  };
}
