/** Neighbours that are less than this apart are read in one go. */
const GAP_BYTES_MAX = 65_536;
const RUN_BYTES_MAX = 1 << 20;

/** Where a slot's record stands, and what it must say. */
export interface Wanted {
  readonly index: number;
  readonly seq: number;
  readonly recipient: string;
  readonly segment: number;
  readonly position: number;
  readonly bytes: number;
}

/** Neighbours of a segment, read in one go. */
export interface Run {
  readonly segment: number;
  readonly from: number;
  to: number;
  readonly wanted: Wanted[];
}

/** In the order in which they stand in the log. */
export function runsOf(wanted: Wanted[]): Run[] {
  wanted.sort((a, b) => a.segment - b.segment || a.position - b.position);
  const runs: Run[] = [];
  for (const each of wanted) {
    const { segment, position, bytes } = each;
    const last = runs.at(-1);
    const joins =
      last !== undefined &&
      last.segment === segment &&
      position - last.to < GAP_BYTES_MAX &&
      position + bytes - last.from <= RUN_BYTES_MAX;
    const run = joins ? last : { segment, from: position, to: position, wanted: [] };
    if (!joins) runs.push(run);
    run.wanted.push(each);
    run.to = position + bytes;
  }
  return runs;
}
