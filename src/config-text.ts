import { stringify } from 'smol-toml';
import { type RelayConfig, snakeCase, valueAt } from './config.ts';
import { listOptions, type Option } from './options.ts';

/** A configuration as a file that parses to it again, each key under its sentence. */
export function printConfig(config: RelayConfig): string {
  const lines: string[] = [];
  let table = '';
  for (const { path, option } of listOptions()) {
    const names = path.map(snakeCase);
    const name = names.pop() ?? '';
    if (names.join('.') !== table) {
      table = names.join('.');
      lines.push(`[${table}]`);
    }
    lines.push(`# ${option.sentence}`, assignment(name, option, valueAt(config, path)), '');
  }
  return lines.join('\n');
}

/** What has no value stands as a comment, with an example. */
function assignment(name: string, { check }: Option<unknown>, value: unknown): string {
  if (value === undefined) return `# ${stringify({ [name]: check.example }).trimEnd()}`;
  return stringify({ [name]: value }).trimEnd();
}
