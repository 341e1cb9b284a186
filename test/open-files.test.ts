import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { message } from './helpers.ts';
import { lineWith, makeDirectory, spawnProgram, urlOfProgram } from './program.ts';
import { connectRaw, health, request } from './raw.ts';

const skip = process.platform === 'linux' ? false : 'the system does not tell how many files may be open';

test('connections leave the store its files: more are closed as they come, and it is told', {
  skip,
}, async (t) => {
  const program = spawnProgram(t, ['--storage-path', await makeDirectory(t)], { ulimit: '-n 256' });
  const warned = lineWith(program.stderr, 'too many are open');
  const relay = { baseUrl: await urlOfProgram(program) };
  const [kept, ...others] = await Promise.all(Array.from({ length: 128 }, () => connectRaw(t, relay)));
  assert.ok(kept);

  const refused = await connectRaw(t, relay);
  assert.equal(await refused.ended(), '');
  assert.equal(JSON.parse(await warned).connections, 128);
  kept.send(request('/push', JSON.stringify(message(1))));
  assert.equal((await kept.answer()).status, 200);

  others.at(-1)?.socket.destroy();
  // The relay may not have seen yet that it went.
  while (!(await isServed(t, relay)));
});

async function isServed(t: TestContext, relay: { readonly baseUrl: string }): Promise<boolean> {
  const connection = await connectRaw(t, relay);
  connection.send(health);
  const answer = connection.answer().then(() => true);
  return Promise.race([answer, connection.ended().then(() => false)]).catch(() => false);
}
