import type { Verdict } from './goals.ts';
import { number } from './report.ts';

const WIDTH = 900;
const ROW_HEIGHT = 24;
const HEAD_HEIGHT = 34;
/** Where bars begin, and how long one is that is exactly as long as its goal; the longest are cut at twice that. */
const BAR_X = 400;
const GOAL_WIDTH = 140;
const CUT = 2;

/** Colours that stand out from white and from black alike; what was not reached is also said in words. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #6e7781 }
  .head { font-weight: 600 }
  .reached { fill: #2da44e } .short { fill: #d4a72c }
  line { stroke: #cf222e; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { text { fill: #adbac7 } line { stroke: #f47067 } }
`;

/** Draws what was measured in units of what is to be reached, as an SVG. */
export function chart(verdicts: readonly Verdict[], caption: string): string {
  const least = verdicts.filter(({ bound }) => bound === 'at least');
  const most = verdicts.filter(({ bound }) => bound === 'at most');
  const mostY = HEAD_HEIGHT + least.length * ROW_HEIGHT;
  const captionY = mostY + HEAD_HEIGHT + most.length * ROW_HEIGHT + 24;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${captionY + 12}" width="${WIDTH}">`,
    '<title>What was measured, next to what is to be reached</title>',
    `<style>${style}</style>`,
    ...section('More is better: the bar is to reach the line', least, 0),
    ...section('Less is better: the bar is to end before the line', most, mostY),
    text(8, captionY, caption),
    '</svg>\n',
  ].join('\n');
}

function section(title: string, verdicts: readonly Verdict[], y: number): string[] {
  const rowsY = y + HEAD_HEIGHT;
  const goalX = BAR_X + GOAL_WIDTH;
  const endY = rowsY + verdicts.length * ROW_HEIGHT;
  return [
    text(8, rowsY - 10, title, 'head'),
    ...verdicts.flatMap((verdict, index) => row(verdict, rowsY + index * ROW_HEIGHT)),
    `<line x1="${goalX}" x2="${goalX}" y1="${rowsY}" y2="${endY - 4}"/>`,
  ];
}

function row({ what, measured, bound, toReach, reached }: Verdict, y: number): string[] {
  const units = Math.min(CUT, Math.max(0, measured / toReach));
  const width = (GOAL_WIDTH * (Number.isFinite(units) ? units : 0)).toFixed(1);
  const sign = bound === 'at least' ? '≥' : '≤';
  const value = `${number(measured)} (${sign} ${toReach.toLocaleString('en')}${reached ? '' : ': not reached'})`;
  const color = reached ? 'reached' : 'short';
  return [
    text(8, y + 14, what),
    `<rect class="${color}" x="${BAR_X}" y="${y + 2}" width="${width}" height="${ROW_HEIGHT - 8}" rx="2"/>`,
    text(BAR_X + CUT * GOAL_WIDTH + 10, y + 14, value),
  ];
}

function text(x: number, y: number, content: string, name?: string): string {
  const attribute = name === undefined ? '' : ` class="${name}"`;
  return `<text${attribute} x="${x}" y="${y}">${content.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;
}
