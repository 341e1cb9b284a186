#!/usr/bin/env node
import { Signals } from './signals.ts';

// Before everything else is loaded, which takes longest of a start: a signal that comes meanwhile is not to be lost.
const signals = new Signals();
const { runProgram } = await import('./program.ts');
await runProgram(process.argv.slice(2), signals);
