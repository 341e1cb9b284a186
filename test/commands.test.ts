import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describe } from '../src/commands/verify.ts';
import { message, post } from './helpers.ts';
import { makeDirectory, repository, runProgram, spawnProgram, urlOfProgram } from './program.ts';

test('verify counts what a running relay holds, and after its end what it has left', async (t) => {
  const path = await makeDirectory(t);
  const relay = spawnProgram(t, ['--storage-path', path]);
  const baseUrl = await urlOfProgram(relay);
  for (let number = 0; number < 5; number++) await post({ baseUrl }, '/push', message(number));
  const ack = [{ message_id: message(0).message_id, chunk_index: 0 }];
  await post({ baseUrl }, '/ack', { recipient: 'alice', ack });

  const beside = await runProgram(t, ['verify', '--storage-path', path]);
  assert.deepEqual([beside.status, beside.stderr], [0, '']);
  assert.match(beside.stdout, /^messages +4$/m);
  assert.match(beside.stdout, /^remembered acks +1$/m);
  assert.match(beside.stdout, /^end +open/m);
  relay.kill('SIGTERM');
  await once(relay, 'exit');

  const after = await runProgram(t, ['verify', '--storage-path', path, '--json']);
  const { messages, memories, isClosed } = JSON.parse(after.stdout);
  assert.deepEqual([after.status, messages, memories, isClosed], [0, 4, 1, true]);
});

test('verify of a damaged store names the file and the offset and ends with 1, and a start says how to go on', async (t) => {
  const path = await makeDirectory(t);
  const relay = spawnProgram(t, ['--storage-path', path]);
  const baseUrl = await urlOfProgram(relay);
  await post({ baseUrl }, '/push', message(1));
  relay.kill('SIGTERM');
  await once(relay, 'exit');
  const file = await open(join(path, '0000000001.seg'), 'r+');
  await file.write(Buffer.from([0xff]), 0, 1, 4096 + 10);
  await file.close();

  const found = await runProgram(t, ['verify', '--storage-path', path]);
  assert.equal(found.status, 1);
  assert.match(found.stdout, /^damage +0000000001\.seg at 4096: a batch is damaged/m);
  assert.match(found.stdout, /no relay starts on it$/m);
  const refused = await runProgram(t, ['--storage-path', path]);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /storage_error: 0000000001\.seg at 4096: a batch is damaged.* enigma-relay verify --repair$/m,
  );
});

test('verify of what is no store is a plain line that says so', async (t) => {
  const path = await makeDirectory(t);
  const { status, stdout, stderr } = await runProgram(t, ['verify', '--storage-path', path]);
  assert.deepEqual(
    [status, stdout, stderr],
    [1, '', `enigma-relay: storage_error: there is no store in ${path}\n`],
  );
});

test('docs/operating.md shows what verify prints', () => {
  const figures = { segments: 3, batches: 1204, messages: 1180, bytes: 1208320, mailboxes: 17, memories: 24 };
  const whole = { ...figures, lost: 0, damage: [], torn: undefined, isClosed: false };
  const what = 'a message is damaged';
  const damage = [{ file: '0000000002.seg', offset: 4144, bytes: 0, what, stopsStart: false }];
  const page = readFileSync(join(repository, 'docs/operating.md'), 'utf8');
  assert.ok(page.includes(describe(whole)));
  const damaged = describe({ ...whole, lost: 1, isClosed: true, damage });
  assert.ok(page.includes(damaged.slice(damaged.indexOf('lost messages'))));
  const stops = describe({ ...whole, damage: damage.map((each) => ({ ...each, stopsStart: true })) });
  assert.ok(page.includes(stops.trimEnd().split('\n').at(-1) ?? ''));
});
