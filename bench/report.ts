import { cpus, release } from 'node:os';
import type { Comparison, Figures } from './compare.ts';
import type { Verdict } from './goals.ts';
import type { Outcome } from './scenario.ts';

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

interface Row extends Figures {
  readonly peakMb?: number;
  /** Of the relay to who was driven in turn with it. */
  readonly rateRatio?: number;
  readonly cpuRatio?: number;
}

const columns: readonly { title: string; of: (row: Row) => string }[] = [
  { title: 'req/s', of: ({ perSecond }) => number(perSecond) },
  { title: 'p50 ms', of: ({ p50Ms }) => number(p50Ms) },
  { title: 'p99 ms', of: ({ p99Ms }) => number(p99Ms) },
  { title: 'CPU µs', of: ({ cpuUs }) => number(cpuUs) },
  { title: 'peak MB', of: ({ peakMb }) => number(peakMb) },
  { title: 'rate ratio', of: ({ rateRatio }) => ratio(rateRatio) },
  { title: 'CPU ratio', of: ({ cpuRatio }) => ratio(cpuRatio) },
];

const NAME_WIDTH = 20;

export function tableHead(): string {
  return 'scenario'.padEnd(NAME_WIDTH) + columns.map(({ title }) => cell(title, title)).join('');
}

/** The lines of one result: the relay, who was driven in turn with it, and the figures that only this scenario has. */
export function resultLines({ name, comparison, figures = {}, failure }: Result): string[] {
  if (failure !== undefined) return [`${name.padEnd(NAME_WIDTH)}  failed: ${failure}`];
  const figureLines = Object.entries(figures).map(
    ([figure, value]) => `${' '.repeat(NAME_WIDTH)}  ${figure.padEnd(18)} ${number(value)}`,
  );
  return [...(comparison === undefined ? [name] : tableLines(name, comparison)), ...figureLines];
}

function tableLines(name: string, { relay, peakMb, others }: Comparison): string[] {
  const lines = Object.entries(others).map(([kind, row]) =>
    tableLine(kind === 'relay' ? '  other relay' : `  bare ${kind}`, row),
  );
  return [tableLine(name, { ...relay, peakMb }), ...lines];
}

function tableLine(name: string, row: Row): string {
  return name.padEnd(NAME_WIDTH) + columns.map(({ title, of }) => cell(title, of(row))).join('');
}

/** A line for each goal, with what was measured next to it. */
export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ what, measured, bound, toReach, reached }) =>
    [
      what.padEnd(64),
      number(measured).padStart(8),
      bound,
      toReach.toLocaleString('en'),
      reached ? '' : '(not reached)',
    ]
      .join('  ')
      .trimEnd(),
  );
}

function cell(title: string, text: string): string {
  return text.padStart(Math.max(title.length, 8) + 2);
}

/** Three digits that count; a dash for what could not be known. */
export function number(value = Number.NaN): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function ratio(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '' : value.toFixed(2);
}
