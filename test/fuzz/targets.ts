import { bodies } from './bodies.ts';
import { bytes } from './bytes.ts';
import { cliArguments } from './cli.ts';
import { pem } from './pem.ts';
import type { Target } from './target.ts';
import { toml } from './toml.ts';
import { words } from './words.ts';

/** Everything that comes from outside. */
export const targets: readonly Target[] = [bodies(), bytes(), toml, pem, cliArguments, ...words];
