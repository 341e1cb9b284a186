import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const modes = ['kill', 'term', 'stop', 'full', 'power'] as const;
export type Mode = (typeof modes)[number];

export interface Options {
  readonly mode: Mode;
  readonly rounds: number;
  readonly seed: number;
  /** A line for the shell; `--config FILE` is added. */
  readonly command: string;
  /** Where a directory for the run is made; undefined: among the temporary files. */
  readonly directory: string | undefined;
}

export const usage = `usage: npm run torture -- [options]

  --mode ${modes.join('|')}   what is done to the relay (kill)
  --rounds N                how often (20)
  --seed S                  of what is drawn; a run is not the same again with it, but alike
  --command LINE            another relay than the one built here, for the shell; --config FILE is added
  --directory DIR           where the run's directory is made (the system's place for temporary files)
`;

/** Reads the command line; undefined when it asks for help. Throws on what is no option. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      mode: { type: 'string', default: 'kill' },
      rounds: { type: 'string', default: '20' },
      seed: { type: 'string' },
      command: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const mode = modes.find((each) => each === values.mode);
  if (mode === undefined) throw new Error(`--mode is one of ${modes.join(', ')}`);
  const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));
  return {
    mode,
    rounds: wholeNumber('--rounds', values.rounds),
    seed: values.seed === undefined ? Date.now() % 2 ** 32 : wholeNumber('--seed', values.seed),
    command: values.command ?? `'${process.execPath}' '${cli}'`,
    directory: values.directory,
  };
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw new Error(`${name} takes a whole number, not ${value}`);
  return Number(value);
}
