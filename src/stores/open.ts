import type { RelayConfig } from '../config.ts';
import { openMemoryStore } from './memory.ts';
import type { Store, StoreLimits } from './store.ts';

/** Opens the store that a configuration names: the only switch on kinds. */
export async function openStore(config: RelayConfig): Promise<Store> {
  return openMemoryStore(storeLimits(config));
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
