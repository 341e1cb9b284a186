import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeDirectory } from './program.ts';

const program = fileURLToPath(new URL('../torture/torture.js', import.meta.url));
const brokenRelay = fileURLToPath(new URL('./broken-relay.js', import.meta.url));
/** The status of a mode that needs what this machine does not have, as root and FUSE. */
const UNAVAILABLE = 2;

for (const [mode, rounds, what] of [
  ['kill', 2, 'what a relay has answered holds after SIGKILL under load'],
  ['term', 2, 'what a relay has answered holds after SIGTERM under load, which ends it with status 0'],
  ['stop', 1, 'what a relay has answered holds after it stood still while clients timed out and tried again'],
  ['power', 2, 'what a relay has answered holds on ext4 after power cuts of the disk below'],
] as const) {
  test(what, async (t) => {
    const { status, said } = await torture(t, ['--mode', mode, '--rounds', String(rounds)]);
    if (status === UNAVAILABLE) return t.skip(said);
    assert.equal(status, 0, said);
    assert.match(said, /no violation/);
  });
}

for (const [fault, mode, violation] of [
  ['loses', 'kill', /lost|not shown|stored (twice|again)|an ack of/],
  ['keeps', 'kill', /acked, and shown again|stored again|an ack of/],
  ['hurries', 'kill', /lost|not shown|stored again|an ack of/],
  ['miscounts', 'kill', /queue_bytes is/],
  ['mixes', 'kill', /not the bytes that were pushed|another meta/],
  ['reorders', 'kill', /comes first/],
  ['trusts', 'power', /lost|not shown|acked, and shown again|did not start|an ack/],
] as const) {
  test(`a relay that ${fault} is found out by torture`, async (t) => {
    const command = `'${process.execPath}' '${brokenRelay}' ${fault}`;
    const args = ['--mode', mode, '--rounds', '20', '--seed', '1', '--command', command];
    const { status, said } = await torture(t, args);
    if (status === UNAVAILABLE) return t.skip(said);
    assert.equal(status, 1, said);
    assert.match(said, /^VIOLATION, seed \d+/m);
    assert.match(said, violation);
  });
}

/** Runs torture to its end, in a directory of its own. */
async function torture(t: TestContext, args: string[]): Promise<{ status: number | null; said: string }> {
  const directory = await makeDirectory(t);
  const child = spawn(process.execPath, [program, ...args, '--directory', directory]);
  t.after(() => child.kill('SIGTERM'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      said += piece;
    });
  }
  const [status] = await once(child, 'close');
  return { status, said };
}
