import type { RelayConfig } from '../config.ts';
import type { Logger } from '../log.ts';
import { openDiskStore } from './disk/open.ts';
import { openMemoryStore } from './memory.ts';
import type { Clock, Store, StoreLimits } from './store.ts';

/** Opens the store that a configuration names: the only switch on kinds. Throws `storage_error` where the disk store does not open. */
export async function openStore(
  config: RelayConfig,
  parts: { readonly log?: Logger; readonly clock?: Clock } = {},
): Promise<Store> {
  const limits = storeLimits(config);
  if (config.storage.kind === 'memory') return openMemoryStore(limits, parts.clock);
  return openDiskStore({ path: config.storage.path, limits, ...parts });
}

/** What a configuration asks of a store, in the store's units. */
export function storeLimits({ relay }: RelayConfig): StoreLimits {
  return {
    messageTtlMs: relay.messageTtlSeconds * 1000n,
    dedupWindowMs: relay.dedupWindowSeconds * 1000,
    messagesPerMailboxMax: relay.maxMessagesPerUser,
    bytesPerMailboxMax: relay.maxQueueBytesPerUser,
    messagesMax: relay.maxMessagesTotal,
  };
}
