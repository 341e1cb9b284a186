import assert from 'node:assert/strict';
import { cp, mkdtemp, open as openFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silentLog } from '../../src/log.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { Store } from '../../src/stores/store.ts';
import { keyOf, contractLimits as limits, message } from '../stores/harness.ts';

export const SEGMENT_BYTES = 65_536;

export function payloadOf(number: number): Buffer {
  return Buffer.alloc(3_000, number);
}

/** Stores that are to be closed before their directories go: hooks run in the order in which they were given. */
const open = new Map<TestContext, Store[]>();

export async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'enigma-relay-'));
  t.after(async () => {
    for (const store of open.get(t)?.splice(0) ?? []) await store.close();
    await rm(path, { recursive: true });
  });
  return path;
}

export async function opened(
  t: TestContext,
  path: string,
  log = silentLog,
  segmentBytes = SEGMENT_BYTES,
): Promise<Store> {
  const store = await openDiskStore({ path, limits, log, segmentBytes });
  open.set(t, [...(open.get(t) ?? []), store]);
  return store;
}

/** A message comes for bob, and goes. */
export async function pass(store: Store, number: number): Promise<void> {
  const passing = message(number, { recipient: 'bob', payload: payloadOf(number) });
  await store.push(passing);
  await store.ack('bob', [keyOf(passing)]);
}

/** The directory of a closed store in which messages 0 … count − 1 wait for alice, one in a batch. */
export async function filledStore(t: TestContext, count: number): Promise<string> {
  const path = await directory(t);
  const store = await openDiskStore({ path, limits, segmentBytes: SEGMENT_BYTES });
  for (let number = 0; number < count; number++)
    await store.push({ ...message(number), payload: payloadOf(number) });
  await store.close();
  return path;
}

export async function copyOf(t: TestContext, path: string): Promise<string> {
  const copy = await directory(t);
  await cp(path, copy, { recursive: true });
  return copy;
}

export async function flip(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([byte.readUInt8(0) ^ 0x40]), 0, 1, at);
  await file.close();
}

export async function zero(path: string, from: number): Promise<void> {
  const file = await openFile(path, 'r+');
  await file.write(Buffer.alloc(4096), 0, 4096, from);
  await file.close();
}

/** Pushes a message to each of these and acks it, over and over, so that segments come and go. */
export function churn(store: Store, recipients: readonly string[]): { end(): Promise<void> } {
  let isOver = false;
  const running = recipients.map(async (recipient) => {
    for (let number = 0; !isOver; number++) {
      const pushed = { ...message(number, { recipient }), payload: payloadOf(number) };
      await store.push(pushed);
      await store.ack(recipient, [keyOf(pushed)]);
    }
  });
  return {
    async end() {
      isOver = true;
      await Promise.all(running);
    },
  };
}

/** The highest number of a segment in a directory. */
export async function lastSegment(path: string): Promise<number> {
  const names = (await readdir(path)).filter((name) => name.endsWith('.seg'));
  return Math.max(...names.map((name) => Number.parseInt(name, 10)));
}

export async function refuses(path: string, message: RegExp): Promise<void> {
  await assert.rejects(openDiskStore({ path, limits, segmentBytes: SEGMENT_BYTES }), {
    code: 'storage_error',
    message,
  });
}
