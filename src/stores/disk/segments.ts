import type { Gate } from '../../gate.ts';
import type { Logger } from '../../log.ts';
import { setAside } from './aside.ts';
import type { File, Files } from './files.ts';
import { SPARES_KEPT } from './reserve.ts';
import { segmentName } from './segment.ts';
import type { Spares } from './spares.ts';

const OPEN_FILES_MAX = 64;

interface Segment {
  readonly number: number;
  readonly bytes: number;
  /** Readers that are in it; it is closed and disposed of only without. */
  pins: number;
  file: Promise<File> | undefined;
  dead: boolean;
  /** Holds what could not be read: set aside, not deleted. */
  damaged: boolean;
  /** Saw a failed write or flush: its pages are never flushed again, so it serves no second time. */
  tainted: boolean;
}

/** The numbered files of the log: who reads them, and what becomes of those that no longer count. */
export class Segments {
  readonly #files: Files;
  readonly #spares: Spares;
  readonly #gate: Gate;
  readonly #segmentBytes: number;
  readonly #logger: Logger;
  readonly #byNumber = new Map<number, Segment>();
  /** Those that are open, the one used last behind the others. */
  readonly #open = new Set<Segment>();
  #disposals: Promise<void> = Promise.resolve();
  /** Names of files that no longer count and could not be removed. */
  #left: string[] = [];
  bytes = 0;
  /** Of these, what is being disposed of. */
  droppedBytes = 0;
  /** Called after each segment that is disposed of. */
  onDisposed: () => void = () => {};

  constructor(files: Files, spares: Spares, gate: Gate, segmentBytes: number, logger: Logger) {
    this.#files = files;
    this.#spares = spares;
    this.#gate = gate;
    this.#segmentBytes = segmentBytes;
    this.#logger = logger;
  }

  get count(): number {
    return this.#byNumber.size;
  }

  /** Whether segments that were dropped are still there. */
  get isDisposing(): boolean {
    return this.droppedBytes > 0;
  }

  /** In order. */
  get numbers(): number[] {
    return [...this.#byNumber.keys()].sort((a, b) => a - b);
  }

  add(number: number, bytes: number): void {
    const segment = { number, bytes, pins: 0, file: undefined, dead: false, damaged: false, tainted: false };
    this.#byNumber.set(number, segment);
    this.bytes += bytes;
  }

  /** Runs a job on a segment's file behind the gate; the file stays in place from this call on. */
  async use<Result>(number: number, job: (file: File) => Promise<Result>): Promise<Result> {
    const segment = this.#pinned(number);
    try {
      return await this.#gate(async () => job(await this.#opened(segment)));
    } finally {
      this.#unpin(segment);
    }
  }

  /** The file of a segment, for one who reads it past the gate; it stays in place from this call on until `release` is called. */
  lend(number: number): { readonly file: Promise<File>; readonly release: () => void } {
    const segment = this.#pinned(number);
    const file = this.#gate(() => this.#opened(segment));
    const unpin = () => this.#unpin(segment);
    return { file, release: () => void file.then(unpin, unpin) };
  }

  /** Keeps the files of these numbers, as far as they count, in place until `release` is called. */
  hold(from: number, to: number): { readonly numbers: readonly number[]; readonly release: () => void } {
    const held = [...this.#byNumber.values()].filter(
      ({ number, dead }) => !dead && number >= from && number <= to,
    );
    for (const segment of held) segment.pins++;
    return {
      numbers: held.map(({ number }) => number),
      release: () => {
        for (const segment of held) this.#unpin(segment);
      },
    };
  }

  mark(number: number, mark: 'damaged' | 'tainted'): void {
    const segment = this.#byNumber.get(number);
    if (segment !== undefined) segment[mark] = true;
  }

  /** Gives up a segment that no longer counts, once nobody reads it. */
  drop(number: number): void {
    const segment = this.#byNumber.get(number);
    if (segment === undefined || segment.dead) return;
    segment.dead = true;
    this.droppedBytes += segment.bytes;
    if (segment.pins === 0) this.#dispose(segment);
  }

  /** Tries once more to remove what could not be removed. Never rejects. */
  async removeLeft(): Promise<void> {
    for (const name of this.#left.splice(0)) {
      await this.#files.unlink(name).catch((error) => {
        if (error.code !== 'ENOENT') this.#left.push(name);
      });
    }
  }

  async close(): Promise<void> {
    await this.#disposals;
    for (const segment of [...this.#open]) await this.#closeFile(segment);
  }

  #pinned(number: number): Segment {
    const segment = this.#byNumber.get(number);
    if (segment === undefined) throw new Error(`${segmentName(number)} is gone`);
    segment.pins++;
    return segment;
  }

  #unpin(segment: Segment): void {
    segment.pins--;
    if (segment.dead && segment.pins === 0) this.#dispose(segment);
  }

  #opened(segment: Segment): Promise<File> {
    segment.file ??= this.#files.open(segmentName(segment.number), 'read');
    this.#open.delete(segment);
    this.#open.add(segment);
    for (const other of this.#open) {
      if (this.#open.size <= OPEN_FILES_MAX) break;
      if (other.pins === 0) this.#closeFile(other).catch(() => {});
    }
    segment.file.catch(() => {
      segment.file = undefined;
      this.#open.delete(segment);
    });
    return segment.file;
  }

  async #closeFile(segment: Segment): Promise<void> {
    const { file } = segment;
    segment.file = undefined;
    this.#open.delete(segment);
    await (await file)?.close();
  }

  #dispose(segment: Segment): void {
    this.#disposals = this.#disposals.then(async () => {
      try {
        await this.#gate(async () => {
          await this.#closeFile(segment);
          await this.#giveUp(segment);
        });
      } catch (error) {
        this.#logger.warn(
          { err: error, file: segmentName(segment.number) },
          'a segment that no longer counts is still there',
        );
        if (!segment.damaged) this.#left.push(segmentName(segment.number));
      }
      this.#byNumber.delete(segment.number);
      this.bytes -= segment.bytes;
      this.droppedBytes -= segment.bytes;
      this.onDisposed();
    });
  }

  async #giveUp({ number, bytes, damaged, tainted }: Segment): Promise<void> {
    const name = segmentName(number);
    if (damaged) {
      await setAside(this.#files, name);
    } else if (!tainted && bytes === this.#segmentBytes && this.#spares.count < SPARES_KEPT) {
      await this.#spares.recycle(name);
    } else {
      await this.#files.unlink(name);
    }
  }
}
