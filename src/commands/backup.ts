import { RelayError } from '../errors.ts';
import { configFlags, readConfig, readFlags } from '../flags.ts';
import { backupStore } from '../stores/disk/backup.ts';
import { storeLimits } from '../stores/open.ts';
import { type Command, storePath } from './command.ts';
import { describe } from './verify.ts';

/** `enigma-relay backup DIR`: copies the store, checks the copy, and says what it holds; status 0 if the copy is whole. */
export const backup: Command = async (args, { print, warn }) => {
  const { values, positionals } = readFlags(args, configFlags, true);
  const [target, ...rest] = positionals;
  if (target === undefined || rest.length > 0)
    throw new RelayError('config_error', 'backup takes one directory, for example enigma-relay backup DIR');
  const config = readConfig(values, warn);
  const found = await backupStore(storePath(config), target, storeLimits(config));
  print(describe(found));
  return found.damage.length === 0 ? 0 : 1;
};
