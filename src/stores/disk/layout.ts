import { crc32 } from 'node:zlib';
import { PAGE_BYTES, padded } from './batch.ts';
import type { Damage, Findings } from './damage.ts';
import { type File, type ReadableFiles, withFile } from './files.ts';
import { type FoundBatch, openScanner, type Scanner } from './scan.ts';
import {
  decodeSegmentHead,
  FIRST_BATCH,
  foreignVersion,
  type LogPosition,
  type SegmentHead,
  segmentName,
  segmentNumber,
} from './segment.ts';
import { isSpare } from './spares.ts';

/** A segment that counts, and up to where. */
export interface Extent {
  readonly head: SegmentHead;
  /** Where its last batch ends; undefined where the segment that says so is missing. */
  readonly end: number | undefined;
  /** The batches of the last segment, which are read to find its end. */
  readonly batches?: readonly FoundBatch[];
}

/** Which files make up the log. */
export interface Layout {
  /** In order. */
  readonly segments: readonly Extent[];
  /** Numbers whose files do not count any more, or never did. */
  readonly dead: readonly number[];
  readonly oldest: number;
}

/** What a store that is open knows of its log, though its files may not say it yet. */
export interface Written {
  readonly oldest: number;
  /** The last flushed position. */
  readonly flushed: LogPosition;
}

/**
 * Finds out which of a directory's files make up the log, and where each segment ends. Undefined if there is no log. Where
 * `findings` lets it go on after damage, it goes on with what is there.
 */
export async function readLayout(
  files: ReadableFiles,
  findings: Findings,
  written?: Written,
): Promise<Layout | undefined> {
  const names = await files.list();
  if (isRemains(names)) {
    const what = 'it is missing, and so are all others';
    findings.onDamage({ kind: 'remains', file: segmentName(1), offset: 0, bytes: 0, what, stopsStart: true });
  }
  const heads = await readHeads(files, names, findings);
  const lastHead = heads.at(-1);
  if (lastHead === undefined) return undefined;
  const last =
    written === undefined
      ? await readTail(files, lastHead, findings)
      : { head: lastHead, end: written.flushed.position };
  const oldest = written?.oldest ?? last.batches?.at(-1)?.frame.oldest ?? lastHead.oldest;
  const segments = chainOf(heads, last, oldest, findings);
  const counting = new Set(segments.map(({ head }) => head.number));
  const dead = heads.map(({ number }) => number).filter((number) => !counting.has(number));
  return { segments, dead, oldest };
}

/** Whether a log has lost all its segments: a new one begins with a segment, and prepares more than one spare only then. */
function isRemains(names: readonly string[]): boolean {
  return names.filter(isSpare).length > 1 && !names.some((name) => segmentNumber(name) !== undefined);
}

async function readHeads(
  files: ReadableFiles,
  names: readonly string[],
  findings: Findings,
): Promise<SegmentHead[]> {
  const heads: SegmentHead[] = [];
  for (const name of names.filter((each) => segmentNumber(each) !== undefined).sort()) {
    const head = await withFile(files.open(name, 'read'), (file) => readSegmentHead(file, name));
    if ('number' in head) heads.push(head);
    else findings.onDamage({ ...head, file: name, offset: 0, bytes: PAGE_BYTES, stopsStart: true });
  }
  return heads;
}

type BadHead = Pick<Damage, 'kind' | 'what'>;

/** The head of a segment, or what is wrong with it. */
export async function readSegmentHead(file: File, name: string): Promise<SegmentHead | BadHead> {
  const page = Buffer.alloc(PAGE_BYTES);
  const read = await file.read(page, 0);
  const head = decodeSegmentHead(page.subarray(0, read));
  const version = foreignVersion(page);
  if (version !== undefined)
    return {
      kind: 'version',
      what: `it has format version ${version}, which this version of the program does not read`,
    };
  if (head === undefined) return bad('its head is not one that this program writes');
  if (head.number !== segmentNumber(name)) return bad(`its head says that it is segment ${head.number}`);
  if (head.bytes !== (await file.size())) return bad(`its head says that it has ${head.bytes} bytes`);
  return head;
}

function bad(what: string): BadHead {
  return { kind: 'head', what };
}

/**
 * The segments up to the last one: each head names the last flushed position before it, and what lies between is void. A
 * segment in this chain that is not there is missing; the one before it counts then, as far as it has batches.
 */
function chainOf(
  heads: readonly SegmentHead[],
  last: Extent,
  oldest: number,
  findings: Findings,
): readonly Extent[] {
  const chain = [last];
  for (let { head } = last; head.flushed.segment >= oldest && head.flushed.segment > 0; ) {
    const { segment, position } = head.flushed;
    const before = heads.findLast(({ number }) => number <= segment);
    if (before?.number !== segment) {
      const what = `it is missing, and ${segmentName(head.number)} follows it`;
      findings.onDamage({
        kind: 'missing',
        file: segmentName(segment),
        offset: 0,
        bytes: position,
        what,
        stopsStart: true,
      });
    }
    if (before === undefined || before.number < oldest) break;
    chain.push({ head: before, end: before.number === segment ? position : undefined });
    head = before;
  }
  return chain.reverse();
}

/** The batches of the last segment. Only its last batch can be torn; a good one behind a bad one is damage. */
async function readTail(files: ReadableFiles, head: SegmentHead, findings: Findings): Promise<Extent> {
  const name = segmentName(head.number);
  return withFile(files.open(name, 'read'), async (file) => {
    const { seal, scanner } = await openScanner(file, head.bytes, crc32(head.salt));
    if (seal !== undefined) {
      const what = 'it is sealed, so a segment that followed it is missing';
      findings.onDamage({ kind: 'sealed', file: name, offset: head.bytes, bytes: 0, what, stopsStart: true });
    }
    const batches: FoundBatch[] = [];
    let end = await visitBatches(scanner, name, undefined, findings, (batch) => {
      batches.push({ ...batch, heads: Buffer.from(batch.heads) });
    });
    const last = batches.at(-1);
    const torn = last !== undefined && !(await scanner.areGood(last)) ? batches.pop() : undefined;
    if (torn !== undefined) end = torn.position;
    const dropped = torn?.frame ?? (await scanner.frameAt(end));
    if (dropped !== undefined) findings.onTorn({ file: name, offset: end, bytes: dropped.length });
    return { head, end, batches };
  });
}

/**
 * Visits the good batches of a segment from its first one up to `end`, or as far as there are any; returns where they
 * end. A bad one that does not end the log is damage.
 */
export async function visitBatches(
  scanner: Scanner,
  name: string,
  end: number | undefined,
  { onDamage }: Pick<Findings, 'onDamage'>,
  visit: (batch: FoundBatch) => void | Promise<void>,
): Promise<number> {
  let position = FIRST_BATCH;
  while (end === undefined || position < end) {
    const batch = await scanner.batchAt(position);
    if (batch !== undefined) {
      await visit(batch);
      position += padded(batch.frame.length);
      continue;
    }
    const behind = await scanner.findBatch(position + PAGE_BYTES, end);
    if (behind === undefined && end === undefined) break;
    // A relay that runs meanwhile writes one batch after the other: what was half there is whole now.
    scanner.forget();
    if ((await scanner.batchAt(position)) !== undefined) continue;
    const what =
      behind === undefined
        ? 'a batch is damaged'
        : `a batch is damaged, and a good one follows at ${behind.position}`;
    const next = behind?.position ?? (end as number);
    onDamage({ kind: 'batch', file: name, offset: position, bytes: next - position, what, stopsStart: true });
    position = next;
  }
  return position;
}
