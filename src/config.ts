import { parse, TomlError } from 'smol-toml';
import { RelayError } from './errors.ts';
import { nearestName } from './nearest-name.ts';
import { isOption, listOptions, type Option, type OptionTable, options } from './options.ts';

type Resolved<Row> =
  Row extends Option<infer Value> ? Value : { readonly [Key in keyof Row]: Resolved<Row[Key]> };

type Given<Row> =
  Row extends Option<infer Value>
    ? Value extends number | bigint
      ? number | bigint
      : Value
    : { readonly [Key in keyof Row]?: Given<Row[Key]> | undefined };

/**
 * Every option, resolved, checked and frozen. Names are TOML's keys in camelCase; units last.
 *
 * Integers above what the process can honour act as the largest that it can. A TTL is a bigint, as deadlines are exact.
 */
export type RelayConfig = Resolved<typeof options>;

/** A configuration as a program gives it: every key is optional, integers are numbers or bigints. A `RelayConfig` is one too. */
export type RelayConfigInput = Given<typeof options>;

/** How keys are spelled where they come from, and in what is said of them. */
type Spelling = (key: string) => string;

const camelCase: Spelling = (key) => key;

/** `perIpRps` → `per_ip_rps`. */
export const snakeCase: Spelling = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

interface Finding {
  readonly name: string;
  readonly message: string;
}

export const defaultConfig: RelayConfig = resolveConfig();

/**
 * Checks what a program gives and fills in the defaults.
 *
 * @throws RelayError `config_error` naming each key that is wrong or unknown, what is allowed and what was found;
 * `feature_disabled` for what a later version will have
 */
export function resolveConfig(input: RelayConfigInput = {}): RelayConfig {
  const { config, wrong, unknown } = resolve(input, camelCase);
  refuse([...wrong, ...unknown]);
  return config;
}

/**
 * Reads a configuration file. Unknown keys are `warnings`, one sentence each, so that files of other versions work.
 *
 * @param file its name, for messages
 * @throws RelayError as `resolveConfig`; for broken TOML with line and column
 */
export function parseToml(
  text: string,
  file = 'configuration',
): { readonly config: RelayConfig; readonly warnings: readonly string[] } {
  const { config, wrong, unknown } = resolve(parseDocument(text, file), snakeCase);
  refuse(wrong, `${file}: `);
  return {
    config,
    warnings: unknown.map(
      ({ message }) => `${file}: ${message}${message.endsWith('?') ? '' : '.'} It is ignored`,
    ),
  };
}

function parseDocument(text: string, file: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.split('\n');
    throw new RelayError('config_error', `${file}:${error.line}:${error.column}: ${reason}`, {
      cause: error,
    });
  }
}

function refuse(findings: readonly Finding[], prefix = ''): void {
  if (findings.length === 0) return;
  throw new RelayError('config_error', prefix + findings.map(({ message }) => message).join('; '));
}

interface Findings {
  readonly spelling: Spelling;
  readonly wrong: Finding[];
  readonly unknown: Finding[];
}

function resolve(input: unknown, spelling: Spelling) {
  const findings: Findings = { spelling, wrong: [], unknown: [] };
  const config = readTable(options, input, [], findings) as RelayConfig;
  for (const { path, option } of listOptions()) {
    const value = valueAt(config, path);
    if (option.check.suits?.(value, config) === false)
      refuseValue(findings, path, option.check.allowed, String(value ?? 'nothing'));
  }
  // What stands in [tls] is not looked at while it is not used.
  const matters = ({ name }: Finding) => config.mode === 'tls' || !/^tls(\.|$)/.test(name);
  return { config, wrong: findings.wrong.filter(matters), unknown: findings.unknown.filter(matters) };
}

function readTable(table: OptionTable, input: unknown, path: readonly string[], findings: Findings): object {
  if (!isTable(input)) {
    refuseValue(findings, path, 'a table', show(input));
    return readTable(table, {}, path, findings);
  }
  const values: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [key, row] of Object.entries(table)) {
    const name = findings.spelling(key);
    const rowPath = [...path, key];
    known.add(name);
    values[key] = isOption(row)
      ? readValue(row, input[name], rowPath, findings)
      : readTable(row, input[name] ?? {}, rowPath, findings);
  }
  for (const name of Object.keys(input)) if (!known.has(name)) reportUnknown(name, path, findings);
  return Object.freeze(values);
}

function readValue(option: Option<unknown>, input: unknown, path: readonly string[], findings: Findings) {
  if (input === undefined) return option.default;
  const given = isLibraryInteger(input, findings) ? BigInt(input) : input;
  const value = option.check.read(given);
  if (value === undefined) refuseValue(findings, path, option.check.allowed, show(given));
  return value ?? option.default;
}

/** In a program 1 is an integer; a file that says 1.0 has said a float, and its integers are bigints already. */
function isLibraryInteger(input: unknown, { spelling }: Findings): input is number {
  return spelling === camelCase && Number.isInteger(input);
}

function refuseValue(
  { spelling, wrong }: Findings,
  path: readonly string[],
  allowed: string,
  found: string,
): void {
  const name = path.map(spelling).join('.');
  wrong.push({ name, message: `${name || 'a configuration'} must be ${allowed}, found ${found}` });
}

function reportUnknown(key: string, path: readonly string[], { spelling, unknown }: Findings): void {
  const name = [...path.map(spelling), /^[\w-]+$/.test(key) ? key : JSON.stringify(key)].join('.');
  const nearest = nearestName(name, knownNames(spelling));
  const hint = nearest === undefined ? '' : `, did you mean ${nearest}?`;
  unknown.push({ name, message: `unknown key ${name}${hint}` });
}

/** Options and the tables that they stand in. */
function knownNames(spelling: Spelling): string[] {
  const paths = listOptions().map(({ path }) => path.map(spelling));
  return [...new Set(paths.flatMap((path) => path.map((_, depth) => path.slice(0, depth + 1).join('.'))))];
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The value of the option that a path of camelCase keys leads to. */
export function valueAt(config: RelayConfig, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTable(value) ? value[key] : undefined), config);
}

/** What was found, in a few words. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`.slice(0, 100);
  if (isTable(value)) return 'a table';
  if (typeof value === 'string') return JSON.stringify(value).slice(0, 100);
  // A float of TOML; 1.0 would show as the integer that it is not.
  return Number.isInteger(value) ? (value as number).toFixed(1) : String(value);
}
