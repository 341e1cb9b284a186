import { readFileSync } from 'node:fs';
import { stringify } from 'smol-toml';
import { resolveConfig, snakeCase } from '../src/config.ts';
import { printConfig } from '../src/config-text.ts';
import { listOptions, type Option } from '../src/options.ts';

/** What of the repository's files is written from the table of options: name → text, as it should be. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/configuration.md', withTable(readFileSync(fileUrl('docs/configuration.md'), 'utf8'))],
    ['deploy/relay.toml', sampleFile()],
  ]);
}

export function fileUrl(name: string): URL {
  return new URL(`../../${name}`, import.meta.url);
}

const opening = '<!-- options: written by npm run docs -->';
const closing = '<!-- end of options -->';

function withTable(page: string): string {
  const start = page.indexOf(opening);
  const end = page.indexOf(closing);
  if (start === -1 || end < start)
    throw new Error('docs/configuration.md has lost the marks around its table');
  return `${page.slice(0, start)}${opening}\n\n${optionsTable()}\n\n${page.slice(end)}`;
}

/** The options as a table of Markdown. */
function optionsTable(): string {
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

function sampleFile(): string {
  const config = resolveConfig({ address: '0.0.0.0:7000', storage: { path: '/var/lib/enigma-relay' } });
  return `# The configuration of a relay that serves every interface and keeps its messages in systemd's StateDirectory.
# Every key may be left out and has its default then: what stands here is the default, but address and storage.path.
# Written by npm run docs; check a file of yours with enigma-relay --config FILE --check-config.

${printConfig(config)}`;
}
