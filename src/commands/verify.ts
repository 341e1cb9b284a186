import { configFlags, readConfig, readFlags } from '../flags.ts';
import { remedyOf } from '../stores/disk/damage.ts';
import type { Recount } from '../stores/disk/recount.ts';
import { type Repair, repairStore } from '../stores/disk/repair.ts';
import { verifyStore } from '../stores/disk/verify.ts';
import { storeLimits } from '../stores/open.ts';
import { type Command, storePath } from './command.ts';

const flags = { ...configFlags, json: { type: 'boolean' }, repair: { type: 'boolean' } } as const;

/** `enigma-relay verify`: status 0 if the files are as they were written, or are so after a repair; 1 if they are damaged. */
export const verify: Command = async (args, { print, warn }) => {
  const { values } = readFlags(args, flags);
  const config = readConfig(values, warn);
  const [path, limits] = [storePath(config), storeLimits(config)];
  if (values.repair) {
    const repair = await repairStore(path, limits);
    print(values.json ? `${JSON.stringify(repair)}\n` : describeRepair(repair));
    return repair.after.damage.length === 0 ? 0 : 1;
  }
  const found = await verifyStore(path, limits);
  print(values.json ? `${JSON.stringify(found)}\n` : describe(found));
  return found.damage.length === 0 ? 0 : 1;
};

/** What was found, what was done, and what is there now. */
export function describeRepair({ before, done, after }: Repair): string {
  if (done.length === 0) return describe(before);
  return [
    describe(before),
    ...done.map((each) => `${'repaired'.padEnd(16)}${each}\n`),
    '\n',
    describe(after),
  ].join('');
}

/** What was found, for people. */
export function describe(found: Recount): string {
  const { torn, isClosed, damage } = found;
  const rows: [string, string | number][] = [
    ['segments', found.segments],
    ['batches', found.batches],
    ['messages', found.messages],
    ['bytes', found.bytes],
    ['mailboxes', found.mailboxes],
    ['remembered acks', found.memories],
    ['lost messages', found.lost],
    ['end', isClosed ? 'closed' : 'open: a relay runs on it, or did not get to close it'],
  ];
  if (torn !== undefined)
    rows.push(['torn', `${torn.file} at ${torn.offset}: a batch that was not answered yet`]);
  for (const { kind, file, offset, what } of damage)
    rows.push([kind === 'version' ? 'version' : 'damage', `${file} at ${offset}: ${what}`]);
  return [...rows.map(([name, value]) => `${name.padEnd(16)}${value}`), conclusion(found), ''].join('\n');
}

function conclusion({ damage }: Recount): string {
  if (damage.length === 0) return 'the store is whole';
  if (damage.some(({ kind }) => kind === 'version'))
    return `the store has another format version: ${remedyOf('version')}`;
  if (damage.some(({ kind }) => kind === 'remains'))
    return `the store is damaged, and ${remedyOf('remains')}`;
  return damage.some(({ stopsStart }) => stopsStart)
    ? 'the store is damaged, and no relay starts on it'
    : 'the store is damaged; a relay starts on it, without the messages that are lost';
}
