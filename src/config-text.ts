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

/** The options as a table of Markdown. */
export function optionsTable(): string {
  const rows = listOptions().map(({ path, option }) => {
    const value = option.default === undefined ? 'none' : `\`${tomlValue(option.default)}\``;
    const cells = [
      `\`${path.map(snakeCase).join('.')}\``,
      value,
      option.unit,
      allowed(option),
      option.sentence,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| key | default | unit | allowed | what it does |', '|---|---|---|---|---|', ...rows].join('\n');
}

function allowed({ check }: Option<unknown>): string {
  return check.allowed.replace('9223372036854775807', '2^63−1').replace('4294967295', '2^32−1');
}

function tomlValue(value: unknown): string {
  return stringify({ value }).trimEnd().replace('value = ', '');
}
