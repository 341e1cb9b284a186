import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectory, spawnProgram, urlOfProgram } from '../program.ts';

const CLIENTS = 1_000;

test('1,000 clients that connect while the relay is held up are all waiting for it', {
  timeout: 30_000,
  skip: queueLengthMax() < CLIENTS && 'the system lets fewer connections wait',
}, async (t) => {
  const store = join(await makeDirectory(t), 'store');
  const program = spawnProgram(t, ['--address', '127.0.0.1:0', '--storage-path', store]);
  const { hostname, port } = new URL(await urlOfProgram(program));
  program.kill('SIGSTOP');
  // At the end the relay goes first, and resets them.
  const clients = Array.from({ length: CLIENTS }, () =>
    connect(Number(port), hostname).on('error', () => {}),
  );
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  // The relay accepts nothing: each of these is in the system's queue. Where that is full, it comes to no connection.
  await Promise.all(clients.map((client) => once(client, 'connect')));
});

function queueLengthMax(): number {
  return process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) : 0;
}
