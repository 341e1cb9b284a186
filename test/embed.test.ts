import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHandler, openStore, type Store } from '../src/index.ts';
import { methodsOf } from './fixtures.ts';
import { message, post, startTestRelay, testConfig } from './helpers.ts';
import { makeDirectory } from './program.ts';
import { TestClock } from './stores/clock.ts';

test('the example of a program with a relay in it runs, and ends', async (t) => {
  const program = spawn(process.execPath, [fileURLToPath(new URL('../examples/embed.js', import.meta.url))]);
  t.after(() => program.kill('SIGKILL'));
  const [printed] = await once(program.stdout, 'data');
  const baseUrl = `http://127.0.0.1:${/port: (\d+)/.exec(printed)?.[1]}`;
  assert.equal(await (await fetch(baseUrl)).text(), 'Here is a program of your own.\n');
  assert.equal((await post({ baseUrl }, '/push', message(1))).body.queue_len, 1);
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [0, null]);
});

test('a handler answers in another server, and its stop ends connections and leaves the store open', async (t) => {
  const store = await openStore(testConfig);
  const relay = createHandler(testConfig, { store });
  const server = createServer(relay.handle).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal((await post({ baseUrl }, '/push', message(1))).body.queue_len, 1);
  assert.equal((await post({ baseUrl }, '/nowhere', {})).status, 404);
  await relay.stop();
  const last = await fetch(`${baseUrl}/health`);
  assert.equal(last.headers.get('connection'), 'close');
  assert.equal(store.figures().messages, 1);
  await store.close();
});

test('two relays in one process share nothing', async (t) => {
  const [one, other] = [await startTestRelay(t), await startTestRelay(t)];
  await post(one, '/push', message(1));
  assert.equal((await post(one, '/pull', { recipient: 'alice' })).body.items.length, 1);
  assert.equal((await post(other, '/pull', { recipient: 'alice' })).body.items.length, 0);
});

test("a program's clock is the store's too", async (t) => {
  const path = await makeDirectory(t);
  for (const storage of [{ kind: 'memory' }, { kind: 'disk', path }] as const) {
    const clock = new TestClock();
    const relay = await startTestRelay(t, { storage, relay: { messageTtlSeconds: 10 } }, { clock });
    await post(relay, '/push', message(1));
    clock.advance(9_999);
    assert.equal((await post(relay, '/pull', { recipient: 'alice' })).body.items.length, 1);
    clock.advance(1);
    assert.equal((await post(relay, '/pull', { recipient: 'alice' })).body.items.length, 0);
  }
});

test('a store that was passed in is used, and stays open', async (t) => {
  const store = await openStore(testConfig);
  t.after(() => store.close());
  const relay = await startTestRelay(t, {}, { store });
  await post(relay, '/push', message(1));
  await relay.stop();
  assert.equal(store.figures().messages, 1);
  assert.equal((await store.pull('alice', 0, { messagesMax: 1, bytesMax: 1 })).messages.length, 1);
});

test('what a store makes of the pages of another one is what is sent', async (t) => {
  const inner = await openStore({ ...testConfig, storage: { kind: 'disk', path: await makeDirectory(t) } });
  t.after(() => inner.close());
  const store: Store = {
    ...methodsOf(inner),
    async pull(...asked) {
      const page = await inner.pull(...asked);
      const copy = { ...page, remaining: 7 };
      return asked[0] === 'bob' ? copy : { ...copy, messages: page.messages.toReversed() };
    },
  };
  const relay = await startTestRelay(t, {}, { store });
  for (const recipient of ['alice', 'bob']) {
    for (const number of [1, 2]) await post(relay, '/push', { ...message(number), recipient });
  }
  const pulled = async (recipient: string) => {
    const { items, remaining_estimate } = (await post(relay, '/pull', { recipient })).body;
    return [items.map((item: { message_id: string }) => item.message_id), remaining_estimate];
  };
  assert.deepEqual(await pulled('alice'), [[message(2).message_id, message(1).message_id], 7]);
  assert.deepEqual(await pulled('bob'), [[message(1).message_id, message(2).message_id], 7]);
});
