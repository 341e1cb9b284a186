import { readFileSync } from 'node:fs';
import { parseToml } from '../src/config.ts';
import { type Relay, startRelay } from '../src/relay.ts';
import { type File, openDirectory } from '../src/stores/disk/files.ts';
import { openDiskStore } from '../src/stores/disk/open.ts';
import { openStore, storeLimits } from '../src/stores/open.ts';
import type { Store } from '../src/stores/store.ts';
import { methodsOf } from './fixtures.ts';

/**
 * A program that looks like the relay and breaks a promise now and then, to see that `npm run torture` finds it out:
 * `broken-relay FAULT --config FILE`.
 */
const [, , fault, , file] = process.argv;
const { config } = parseToml(readFileSync(String(file), 'utf8'));
/** Trusts that the disk keeps what was written: flushes nothing. */
const opensUnflushed = async (): Promise<Store> => {
  const files = await openDirectory(config.storage.path);
  const unflushed = (file: File): File => ({
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: (pieces, position) => file.write(pieces, position),
    flush: async () => {},
    close: () => file.close(),
  });
  return openDiskStore({
    path: config.storage.path,
    limits: storeLimits(config),
    files: {
      ...files,
      create: async (name) => unflushed(await files.create(name)),
      open: async (name, access) => unflushed(await files.open(name, access)),
      flushDirectory: async () => {},
    },
  });
};
const store = await (fault === 'trusts' ? opensUnflushed() : openStore(config));
const pushed = new Set<string>();
let calls = 0;
const isUnlucky = (): boolean => ++calls % 40 === 0;

const broken: Record<string, Partial<Store>> = {
  /** Stored, it says. */
  loses: {
    push: async (message) =>
      isUnlucky() ? { stored: true, queueLen: 1, queueBytes: 1 } : store.push(message),
  },
  /** Deleted, it says. */
  keeps: {
    ack: async (recipient, keys) =>
      isUnlucky() ? { deleted: keys.length, missing: 0, remaining: 0 } : store.ack(recipient, keys),
  },
  /** Answers before it has stored anything. */
  hurries: {
    async push(message) {
      const key = `${message.messageId}/${message.meta.chunkIndex}`;
      const stored = store.push(message);
      if (pushed.has(key)) return stored;
      pushed.add(key);
      return { stored: true, queueLen: 1, queueBytes: 1 };
    },
  },
  /** Counts one more than there is. */
  miscounts: {
    async push(message) {
      const result = await store.push(message);
      return { ...result, queueBytes: result.queueBytes + 1 };
    },
  },
  /** A later payload takes the place of the first one. */
  mixes: {
    push: (message) =>
      isUnlucky() ? store.push({ ...message, payload: Buffer.from('another') }) : store.push(message),
  },
  /** Delivers the youngest first, now and then. */
  reorders: {
    async pull(recipient, afterSeq, limit) {
      const page = await store.pull(recipient, afterSeq, limit);
      return isUnlucky() ? { ...page, messages: [...page.messages].reverse() } : page;
    },
  },
};

const relay: Relay = await startRelay(config, { store: { ...methodsOf(store), ...broken[String(fault)] } });
process.stdout.write(`enigma-relay listening on ${relay.baseUrl}\n`);
