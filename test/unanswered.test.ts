import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Admit, Operation } from '../src/api.ts';
import { silentLog } from '../src/log.ts';
import { connectRaw, request } from './raw.ts';
import { startServer } from './reader.ts';

const operation: Operation = {
  source: '127.0.0.1',
  bodyBytesMax: 1_000,
  contentEncoding: 'identity',
  run: () => ({ status: 200, body: '{}' }),
  refuse: () => ({ status: 400, body: '{}' }),
};

const fail = (): never => {
  throw new Error('a mistake of ours');
};

const faults: Readonly<Record<string, Admit>> = {
  'while it is admitted': fail,
  'at once': () => ({ ...operation, run: fail }),
  'after a while': () => ({ ...operation, run: async () => fail() }),
};

for (const [when, admit] of Object.entries(faults)) {
  test(`a request that fails ${when}, for a reason that there should not be, ends its connection and no other`, async (t) => {
    const logged: string[] = [];
    const server = await startServer(t, (head) => (head.target === '/pull' ? admit(head) : operation), {
      log: { ...silentLog, error: (_fields, text) => void logged.push(text) },
    });
    const [failing, other] = [await connectRaw(t, server), await connectRaw(t, server)];
    failing.send(request('/pull', '{}'));
    assert.equal(await failing.ended(), '');
    assert.deepEqual(logged, ['a request could not be answered']);
    other.send(request('/ack', '{}'));
    assert.equal((await other.answer()).status, 200);
  });
}
