import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { describe, describeRepair } from '../src/commands/verify.ts';
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
  await closedStore(t, path);
  await overwrite(path, 4096 + 10, [0xff]);

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

  const repaired = await runProgram(t, ['verify', '--repair', '--storage-path', path]);
  assert.deepEqual([repaired.status, repaired.stderr], [0, '']);
  assert.match(repaired.stdout, /^damage +0000000001\.seg at 4096: a batch is damaged/m);
  assert.match(repaired.stdout, /^repaired +0000000001\.seg: it is written anew/m);
  assert.match(repaired.stdout, /the store is whole\n$/);
  const started = { baseUrl: await urlOfProgram(spawnProgram(t, ['--storage-path', path])) };
  const { body } = await post(started, '/pull', { recipient: 'alice' });
  assert.deepEqual([body.items.length, body.items[0]?.message_id], [1, message(1).message_id]);
});

test('a repair is refused while a relay runs on the store', async (t) => {
  const path = await makeDirectory(t);
  await urlOfProgram(spawnProgram(t, ['--storage-path', path]));
  const { status, stdout, stderr } = await runProgram(t, ['verify', '--repair', '--storage-path', path]);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^enigma-relay: storage_error: the store at .* is in use by another relay/);
});

test('verify of another format version names what to use, and that it is no damage', async (t) => {
  const path = await makeDirectory(t);
  await closedStore(t, path);
  const head = (await readFile(join(path, '0000000001.seg'))).subarray(0, 80);
  head.writeUInt32LE(9, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 76)), 76);
  await overwrite(path, 0, [...head]);
  const { status, stdout } = await runProgram(t, ['verify', '--storage-path', path]);
  assert.equal(status, 1);
  assert.match(stdout, /^version +0000000001\.seg at 0: it has format version 9, which/m);
  assert.match(
    stdout,
    /^the store has another format version: use the version of enigma-relay that wrote it\n$/m,
  );
  assert.doesNotMatch(stdout, /damage/);
});

test('verify of a store of which all segments are gone says that nothing can be saved', async (t) => {
  const path = await makeDirectory(t);
  for (const number of [1, 2]) await writeFile(join(path, `spare-${number}`), '');
  const { status, stdout } = await runProgram(t, ['verify', '--storage-path', path]);
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^the store is damaged, and nothing is left in it to be saved: bring .* or begin with an empty one$/m,
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

test('a backup of a relay under load starts a second one with all that was answered before, in order', async (t) => {
  const path = await makeDirectory(t);
  const baseUrl = await urlOfProgram(spawnProgram(t, ['--config', await unlimited(path)]));
  const recipients = ['alice', 'bob', 'carol', 'dave'];
  const answered = new Map(recipients.map((recipient) => [recipient, 0]));
  let isOver = false;
  const load = recipients.map(async (recipient) => {
    for (let number = 0; !isOver; number++) {
      await post({ baseUrl }, '/push', { ...message(number), recipient });
      answered.set(recipient, number + 1);
    }
  });
  while ((answered.get('alice') ?? 0) < 50) await new Promise((next) => setImmediate(next));
  const before = new Map(answered);
  const target = join(path, 'copy');
  const backup = await runProgram(t, ['backup', target, '--storage-path', join(path, 'store')]);
  isOver = true;
  await Promise.all(load);
  assert.deepEqual([backup.status, backup.stderr], [0, '']);
  assert.match(backup.stdout, /the store is whole$/m);

  const second = await urlOfProgram(spawnProgram(t, ['--storage-path', target]));
  for (const recipient of recipients) {
    const { body } = await post({ baseUrl: second }, '/pull', { recipient, max: 50 });
    assert.equal(body.items.length, 50);
    const copied = body.items.length + body.remaining_estimate;
    assert.ok(copied >= (before.get(recipient) ?? 0), `${copied} of ${before.get(recipient)}`);
    body.items.forEach((item: { message_id: string }, number: number) => {
      assert.equal(item.message_id, message(number).message_id);
    });
  }
});

test('a backup to where nothing can be written is a storage_error that says where and why', async (t) => {
  const path = await makeDirectory(t);
  await closedStore(t, path);
  const file = join(path, 'file');
  await writeFile(file, '');
  const toFile = await runProgram(t, ['backup', file, '--storage-path', path]);
  assert.deepEqual([toFile.status, toFile.stdout], [1, '']);
  const line = `enigma-relay: storage_error: ${path} cannot be copied to ${file}: ENOTDIR: not a directory, `;
  assert.ok(toFile.stderr.startsWith(line), toFile.stderr);
  const copy = join(path, 'copy');
  const full = await runProgram(t, ['backup', copy, '--storage-path', path], smallFiles);
  assert.deepEqual([full.status, full.stdout], [1, '']);
  assert.match(
    full.stderr,
    /^enigma-relay: storage_error: .* cannot be copied to .*copy: the disk took \d+ of \d+ bytes, it may be full$/m,
  );
});

test('a repair without room is a storage_error that says so, and changes nothing', async (t) => {
  const path = await makeDirectory(t);
  await closedStore(t, path);
  await overwrite(path, 4096 + 10, [0xff]);
  const before = await readdir(path);
  const args = ['verify', '--repair', '--storage-path', path];
  const { status, stderr } = await runProgram(t, args, smallFiles);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^enigma-relay: storage_error: .* cannot be repaired: the disk took \d+ of \d+ bytes, it may be full$/m,
  );
  assert.deepEqual(await readdir(path), before);
});

test('verify of files that cannot be read is a storage_error that says why', async (t) => {
  const path = await makeDirectory(t);
  await mkdir(join(path, '0000000001.seg'));
  const { status, stderr } = await runProgram(t, ['verify', '--storage-path', path]);
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `enigma-relay: storage_error: ${path} cannot be read: EISDIR: illegal operation on a directory, read\n`,
  );
});

test('a backup without a directory, or with a memory store, is a plain line that says what to do', async (t) => {
  const nowhere = await runProgram(t, ['backup']);
  assert.deepEqual([nowhere.status, nowhere.stdout], [1, '']);
  assert.match(nowhere.stderr, /^enigma-relay: config_error: backup takes one directory/);
  const file = join(await makeDirectory(t), 'relay.toml');
  await writeFile(file, '[storage]\nkind = "memory"\n');
  const memory = await runProgram(t, ['backup', 'copy', '--config', file]);
  assert.match(memory.stderr, /^enigma-relay: config_error: a store of kind "memory" has no files/);
});

test('docs/operating.md shows what verify prints', () => {
  const figures = { segments: 3, batches: 1204, messages: 1180, bytes: 1208320, mailboxes: 17, memories: 24 };
  const whole = { ...figures, lost: 0, damage: [], torn: undefined, isClosed: false };
  const what = 'a message is damaged';
  const damage = [
    { kind: 'message' as const, file: '0000000002.seg', offset: 4144, bytes: 0, what, stopsStart: false },
  ];
  const page = readFileSync(join(repository, 'docs/operating.md'), 'utf8');
  assert.ok(page.includes(describe(whole)));
  const damaged = describe({ ...whole, lost: 1, isClosed: true, damage });
  assert.ok(page.includes(damaged.slice(damaged.indexOf('lost messages'))));
  const stops = describe({ ...whole, damage: damage.map((each) => ({ ...each, stopsStart: true })) });
  assert.ok(page.includes(stops.trimEnd().split('\n').at(-1) ?? ''));
  const done = [
    '0000000002.seg: it is written anew without what is damaged; what it was is kept as 0000000002.seg.bad',
  ];
  const repair = describeRepair({ before: { ...whole, damage }, done, after: whole });
  assert.ok(page.includes(repair.split('\n').find((line) => line.startsWith('repaired')) ?? 'nothing'));
});

/** Of a shell, in blocks of 512 bytes: what a disk says that has no room. */
const smallFiles = { ulimit: '-f 64' };

/** Lets a relay keep one message in this directory. */
async function closedStore(t: TestContext, path: string): Promise<void> {
  const relay = spawnProgram(t, ['--storage-path', path]);
  await post({ baseUrl: await urlOfProgram(relay) }, '/push', message(1));
  relay.kill('SIGTERM');
  await once(relay, 'exit');
}

async function overwrite(path: string, position: number, bytes: number[]): Promise<void> {
  const file = await open(join(path, '0000000001.seg'), 'r+');
  await file.write(Buffer.from(bytes), 0, bytes.length, position);
  await file.close();
}

/** A configuration file without rate limits, beside a store. */
async function unlimited(directory: string): Promise<string> {
  const file = join(directory, 'relay.toml');
  const path = JSON.stringify(join(directory, 'store'));
  await writeFile(file, `[storage]\npath = ${path}\n[rate_limit]\nenabled = false\n`);
  return file;
}
