import { cpus, release } from 'node:os';
import type { Comparison } from './compare.ts';
import type { Outcome } from './scenarios.ts';

export interface Result extends Outcome {
  readonly name: string;
  /** Why there are no figures. */
  readonly failure?: string;
}

/** Where and when it was measured. */
export function machine(): Record<string, string> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    cpu: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
    system: `${process.platform} ${release()}`,
    node: process.version,
  };
}

const columns: readonly { title: string; of: (comparison: Comparison) => string }[] = [
  { title: 'req/s', of: ({ relay }) => number(relay.perSecond) },
  { title: 'p50 ms', of: ({ relay }) => number(relay.p50Ms) },
  { title: 'p99 ms', of: ({ relay }) => number(relay.p99Ms) },
  { title: 'CPU µs', of: ({ relay }) => number(relay.cpuUs) },
  { title: 'peak MB', of: ({ peakMb }) => number(peakMb) },
  { title: 'bare req/s', of: ({ bare }) => number(bare.perSecond) },
  { title: 'bare CPU µs', of: ({ bare }) => number(bare.cpuUs) },
  { title: 'rate ratio', of: ({ rateRatio }) => ratio(rateRatio) },
  { title: 'CPU ratio', of: ({ cpuRatio }) => ratio(cpuRatio) },
];

const NAME_WIDTH = 14;

export function tableHead(): string {
  return 'scenario'.padEnd(NAME_WIDTH) + columns.map(({ title }) => cell(title, title)).join('');
}

/** The lines of one result: a row of the table, and under it the figures that only this scenario has. */
export function resultLines({ name, comparison, figures = {}, failure }: Result): string[] {
  const cells =
    comparison === undefined ? '' : columns.map(({ title, of }) => cell(title, of(comparison))).join('');
  const lines = [name.padEnd(NAME_WIDTH) + (failure === undefined ? cells : `  failed: ${failure}`)];
  for (const [figure, value] of Object.entries(figures)) {
    lines.push(`${' '.repeat(NAME_WIDTH)}  ${figure.padEnd(18)} ${number(value)}`);
  }
  return lines;
}

function cell(title: string, text: string): string {
  return text.padStart(Math.max(title.length, 8) + 2);
}

/** Three digits that count; a dash for what could not be known. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function ratio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : '–';
}
