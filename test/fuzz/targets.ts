import { bodies } from './bodies.ts';
import { bytes } from './bytes.ts';
import { cliArguments } from './cli.ts';
import { pem } from './pem.ts';
import type { Target } from './target.ts';
import { toml } from './toml.ts';
import { words } from './words.ts';

/** Everything that comes from outside; what comes as HTTP, with the reader of plain requests and without. */
export const targets: readonly Target[] = [
  bodies('bodies', { plainReader: true }),
  bytes('bytes', { plainReader: true }),
  bodies('bodies-full', { plainReader: false }),
  bytes('bytes-full', { plainReader: false }),
  toml,
  pem,
  cliArguments,
  ...words,
];
