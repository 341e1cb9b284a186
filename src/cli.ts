#!/usr/bin/env node
import { defaultConfig } from './config.ts';
import { startRelay } from './relay.ts';

const relay = await startRelay(defaultConfig);
console.log(`enigma-relay listening on ${relay.baseUrl}`);
