import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Message } from '../src/message.ts';
import { openDiskStore } from '../src/stores/disk/open.ts';
import { HttpStore } from './simulation/http-store.ts';
import { Ledger } from './simulation/ledger.ts';
import type { Plan } from './simulation/plan.ts';
import { below, seededRandom } from './simulation/random.ts';
import { Rounds, recipients } from './simulation/rounds.ts';
import { TimeBounds } from './simulation/time-bounds.ts';

const kills = 20;
const infinite = Number.POSITIVE_INFINITY;
const plan: Plan = {
  limits: {
    messageTtlMs: 3_600_000n,
    dedupWindowMs: 600_000,
    messagesPerMailboxMax: infinite,
    bytesPerMailboxMax: infinite,
    messagesMax: infinite,
  },
  rounds: infinite,
  width: 24,
  payloadBytesMax: 5_000,
  ackShare: 0.55,
  crashRate: 0,
  trouble: 'none',
  capacity: infinite,
};

test('what a relay has answered holds after SIGKILL under load, twenty times', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, 'relay.toml');
  const path = join(directory, 'store');
  await writeFile(config, configText(path));
  const random = seededRandom(Date.now());
  const ledger = new Ledger(
    plan.limits,
    new TimeBounds({ wallMs: Date.now, monotonicMs: () => 0, after: never }),
  );
  const rounds = new Rounds(random, plan, ledger);

  let relay = await startProgram(config);
  t.after(() => relay.child.kill('SIGKILL'));
  for (let kill = 0; kill < kills; kill++) {
    await loadUntilKilled(relay, rounds, below(random, 250));
    relay = await startProgram(config);
    ledger.restarted();
    const store = new HttpStore(relay.url);
    ledger.look(await everything((recipient) => store.pullAll(recipient)));
  }
  relay.child.kill('SIGKILL');
  await once(relay.child, 'exit');
  await recount(path);
});

/** Calls round after round, and kills the relay at an answer in their middle. */
async function loadUntilKilled({ child, url }: Program, rounds: Rounds, answers: number): Promise<void> {
  const store = new HttpStore(url);
  const dead = once(child, 'exit').then(() => 'dead');
  let left = answers;
  store.onAnswer = () => {
    if (left-- === 0) child.kill('SIGKILL');
  };
  for (;;) {
    const ended = await Promise.race([rounds.begin(store), dead]);
    rounds.end();
    if (ended === 'dead') return;
  }
}

async function everything(
  pullAll: (recipient: string) => Promise<Message[]>,
): Promise<Map<string, readonly Message[]>> {
  const mailboxes = new Map<string, readonly Message[]>();
  for (const recipient of recipients) mailboxes.set(recipient, await pullAll(recipient));
  return mailboxes;
}

/** The counters of a store equal what its files hold. */
async function recount(path: string): Promise<void> {
  const store = await openDiskStore({ path, limits: plan.limits });
  try {
    const { messages, bytes, damaged } = await store.verify();
    const figures = store.figures();
    assert.deepEqual([messages, bytes, damaged], [figures.messages, figures.bytes, 0]);
    assert.ok(messages > 0);
  } finally {
    await store.close();
  }
}

interface Program {
  readonly child: ChildProcess;
  readonly url: string;
}

/** Starts the program; resolves once it listens. */
async function startProgram(config: string): Promise<Program> {
  const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));
  const child = spawn(process.execPath, [cli, '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout)) {
    const url = / listening on (.+)$/.exec(line)?.[1];
    if (url !== undefined) return { child, url };
  }
  throw new Error('the relay ended before it listened');
}

function configText(path: string): string {
  return [
    'address = "127.0.0.1:0"',
    '[storage]',
    'kind = "disk"',
    `path = ${JSON.stringify(path)}`,
    '[relay]',
    'message_ttl_seconds = 3600',
    'dedup_window_seconds = 600',
    '[rate_limit]',
    'enabled = false',
    '[log]',
    'level = "warn"',
  ].join('\n');
}

function never(): () => void {
  throw new Error('no timer is needed');
}
