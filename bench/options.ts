import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** How long and how large everything is. */
export interface Effort {
  /** Of the relay and the bare server, in turn. */
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Of the raw flush, before and after. */
  readonly flushes: number;
  /** Messages in the mailbox that is paged through and drained. */
  readonly queueMessages: number;
  /** Mailboxes whose messages come in turn: the neighbours of each in the log are all for others. */
  readonly interleavedMailboxes: number;
  /** Messages in the store whose memory and opening are measured. */
  readonly backlogMessages: number;
  /** Messages that expire at once, and how often that is measured. */
  readonly expiringMessages: number;
  readonly expiryPairs: number;
  /** Of pulls at a fixed pace, beside large pushes. */
  readonly paceSeconds: number;
  /** Clients that come back at the same moment. */
  readonly clients: number;
  /** Between the last request and a look at the memory. */
  readonly settleSeconds: number;
}

export interface Options {
  /** A relay that runs already. Without it, `command` is started for each scenario, on an empty store. */
  readonly url: string | undefined;
  /** The process of the relay at `url`, for its processor time and memory. */
  readonly pid: number | undefined;
  /** Starts a relay when `--config FILE` is added to it. */
  readonly command: string;
  /** Starts another relay in the same way, which is driven in turn with the first, in place of bare servers. */
  readonly against: string | undefined;
  /** Where stores are made; on a disk that counts. */
  readonly directory: string | undefined;
  /** Names of scenarios or of kinds of them, as `push` for `push-1` and so on; empty for all. */
  readonly only: readonly string[];
  readonly jsonPath: string | undefined;
  readonly svgPath: string | undefined;
  /** For a relay that does not bear more: scenarios that push on more connections are left out. */
  readonly connectionsMax: number;
  readonly effort: Effort;
}

export const usage = `npm run bench -- [options]

  --only NAME            run this scenario, or all of a kind (push, push-64); may be repeated
  --list                 print the scenarios and end
  --quick                a smoke run: the numbers say little
  --rounds N             rounds of the relay and the bare server, in turn
  --json FILE            write every figure to a file
  --svg FILE             draw what is to be reached, and what was, into a file
  --command COMMAND      start this relay instead of ours; --config FILE is added to it
  --against COMMAND      start another relay too, and drive it in turn in place of bare servers
  --url URL              drive a relay that runs already (http)
  --pid PID              its process, for processor time and memory
  --connections-max N    leave out what pushes on more connections (for a relay that hangs)
  --directory DIR        make the stores here; it must not be a memory file system
`;

/** A whole measurement. */
export const full: Effort = {
  rounds: 3,
  seconds: 2,
  warmUpSeconds: 1,
  flushes: 500,
  queueMessages: 100_000,
  interleavedMailboxes: 1_001,
  backlogMessages: 200_000,
  expiringMessages: 100_000,
  expiryPairs: 5,
  paceSeconds: 10,
  clients: 1_000,
  settleSeconds: 10,
};

const quick: Effort = {
  rounds: 1,
  seconds: 0.5,
  warmUpSeconds: 0.3,
  flushes: 50,
  queueMessages: 5_000,
  interleavedMailboxes: 51,
  backlogMessages: 10_000,
  expiringMessages: 10_000,
  expiryPairs: 1,
  paceSeconds: 2,
  clients: 100,
  settleSeconds: 1,
};

/** Reads the arguments; undefined when they ask for help. Throws on what is no option. */
export function readOptions(args: string[]): (Options & { readonly list: boolean }) | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      command: { type: 'string' },
      against: { type: 'string' },
      url: { type: 'string' },
      pid: { type: 'string' },
      'connections-max': { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const effort = values.quick ? quick : full;
  return {
    list: values.list,
    only: values.only,
    jsonPath: values.json,
    svgPath: values.svg,
    url: values.url,
    pid: positive('--pid', values.pid),
    command: values.command ?? ownCommand(),
    against: values.against,
    directory: values.directory,
    connectionsMax: positive('--connections-max', values['connections-max']) ?? Infinity,
    effort: { ...effort, rounds: positive('--rounds', values.rounds) ?? effort.rounds },
  };
}

/** Starts the relay of this build, as `npm start` does. */
export function ownCommand(): string {
  return `'${process.execPath}' --max-semi-space-size=8 '${fileURLToPath(new URL('../src/cli.js', import.meta.url))}'`;
}

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`${name} takes a positive integer, not ${value}`);
  return Number(value);
}
