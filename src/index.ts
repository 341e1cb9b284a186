export { defaultConfig, type RelayConfig } from './config.ts';
export { type ErrorCode, RelayError } from './errors.ts';
export { type Relay, startRelay } from './relay.ts';
export { type DiskStoreOptions, openDiskStore } from './stores/disk/open.ts';
export { openMemoryStore } from './stores/memory.ts';
export type { Store, StoreLimits } from './stores/store.ts';
