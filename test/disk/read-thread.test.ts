import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { silentLog } from '../../src/log.ts';
import { ReadThread } from '../../src/stores/disk/read-thread.ts';
import { keyOf, message, pullAll } from '../stores/harness.ts';
import { directory, flip, opened, payloadOf } from './stores.ts';

/** Of scattered messages, more than are read in one trip. */
const COUNT = 130;

test('many places of several files are read, and those that are not there are named', async (t) => {
  const path = await directory(t);
  const first = await openWith(t, join(path, 'first'), 'abcdef');
  const second = await openWith(t, join(path, 'second'), '123456');
  const thread = new ReadThread(silentLog);
  t.after(() => thread.close());
  const places = [
    { fd: second, position: 4, bytes: 2 },
    { fd: first, position: 4, bytes: 3 },
    { fd: first, position: 0, bytes: 3 },
    { fd: -1, position: 0, bytes: 1 },
    { fd: second, position: 0, bytes: 1 },
  ];
  const read = await thread.read(places);
  const texts = places.map(({ bytes }, index) => {
    const start = read?.starts[index];
    return start === undefined ? undefined : read?.bytes.toString('latin1', start, start + bytes);
  });
  assert.deepEqual(texts, ['56', undefined, 'abc', undefined, '1']);
});

test('jobs that are given at once are each answered with their own', async (t) => {
  const path = await directory(t);
  const fd = await openWith(
    t,
    join(path, 'file'),
    Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at)).join(''),
  );
  const thread = new ReadThread(silentLog);
  t.after(() => thread.close());
  const jobs = Array.from({ length: 20 }, async (_, position) => {
    const read = await thread.read([{ fd, position, bytes: 1 }]);
    const text = read?.bytes.toString();
    read?.release();
    return text;
  });
  assert.equal((await Promise.all(jobs)).join(''), 'abcdefghijklmnopqrst');
});

test('whoever waits for a thread that ends is told, and so is whoever comes later', async (t) => {
  const fd = await openWith(t, join(await directory(t), 'file'), 'a');
  const thread = new ReadThread(silentLog);
  const waiting = [1, 2, 3].map(() => thread.read([{ fd, position: 0, bytes: 1 }]));
  await thread.close();
  assert.deepEqual(await Promise.all(waiting), [undefined, undefined, undefined]);
  assert.equal(await thread.read([{ fd, position: 0, bytes: 1 }]), undefined);
});

test('where no thread may begin, one warning says so', async () => {
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const script = `
    const { ReadThread } = await import(${JSON.stringify(new URL('../../src/stores/disk/read-thread.js', import.meta.url))});
    const thread = new ReadThread({ warn: (_, text) => console.log(text) });
    for (const _ of [1, 2]) console.log(await thread.read([{ fd: 0, position: 0, bytes: 1 }]));`;
  const { stdout } = await run([permission, '--allow-fs-read=*'], script);
  assert.equal(
    stdout,
    'scattered messages are read one by one: the thread for them is gone\nundefined\nundefined\n',
  );
});

test('a process waits for what its thread reads, and for nothing else of it', async () => {
  const script = `
    const { ReadThread } = await import(${JSON.stringify(new URL('../../src/stores/disk/read-thread.js', import.meta.url))});
    const fd = process.getBuiltinModule('node:fs').openSync(process.execPath);
    const read = await new ReadThread({}).read([{ fd, position: 1, bytes: 3 }]);
    console.log(String(read.bytes));`;
  assert.equal((await run([], script)).stdout, 'ELF\n');
});

test('a page whose messages stand in many places is whole, but for the one that is damaged', async (t) => {
  const path = await directory(t);
  const store = await opened(t, path);
  await pushScattered(store);
  const expected = Array.from({ length: COUNT }, (_, number) => payloadOf(number));
  assert.deepEqual(
    (await pullAll(store)).map(({ payload }) => payload),
    expected,
  );

  const [name = ''] = (await readdir(path)).filter((each) => each.endsWith('.seg')).sort();
  // Somewhere in the payload of the first message.
  await flip(join(path, name), 4096 + 2_000);
  assert.deepEqual(
    (await pullAll(store)).map(({ payload }) => payload),
    expected.slice(1),
  );
});

test('pages of many places are whole while the cleaner moves what they hold', async (t) => {
  const store = await opened(t, await directory(t));
  await pushScattered(store);
  let isOver = false;
  const pushing = (async () => {
    for (let number = 0; number < 60; number++) {
      const pushed = { ...message(number, { recipient: 'bob' }), payload: Buffer.alloc(50_000) };
      await store.push(pushed);
      await store.ack('bob', [keyOf(pushed)]);
    }
    isOver = true;
  })();
  const expected = Array.from({ length: COUNT }, (_, number) => payloadOf(number));
  while (!isOver) {
    const { messages, release } = await store.pull('alice', 0, { messagesMax: COUNT, bytesMax: 2 ** 20 });
    assert.deepEqual(
      messages.map(({ payload }) => payload),
      expected,
    );
    release?.();
  }
  await pushing;
});

/** Messages for alice, each in a segment of its own. */
async function pushScattered(store: Awaited<ReturnType<typeof opened>>): Promise<void> {
  for (let number = 0; number < COUNT; number++) {
    await store.push({ ...message(number), payload: payloadOf(number) });
    await store.push({ ...message(number, { recipient: `carol-${number}` }), payload: Buffer.alloc(50_000) });
  }
}

async function openWith(t: TestContext, path: string, text: string): Promise<number> {
  const file = await open(path, 'wx+');
  t.after(() => file.close());
  await file.write(text);
  return file.fd;
}

function run(flags: readonly string[], script: string): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, [...flags, '--input-type=module', '--eval', script]);
}
