export { defaultConfig, type RelayConfig, type RelayConfigInput, resolveConfig } from './config.ts';
export { type ErrorCode, type ErrorDetails, RelayError } from './errors.ts';
export { createHandler, type Handler, type HandlerParts } from './handler.ts';
export type { Logger } from './log.ts';
export type { Message, MessageKey, MessageMeta, NewMessage } from './message.ts';
export { type Relay, type RelayParts, startRelay } from './relay.ts';
export { openMemoryStore } from './stores/memory.ts';
export { openStore } from './stores/open.ts';
export type * from './stores/store.ts';
