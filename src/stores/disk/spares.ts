import type { Gate } from '../../gate.ts';
import { PAGE_BYTES } from './batch.ts';
import { type Files, withFile, writeWhole } from './files.ts';

/** What a new file is filled with, a step at a time. Short steps take longer in all, but no flush beside them has to wait for long. */
const ZEROS = Buffer.alloc(1 << 20);
const SHORT_STEP_BYTES = 1 << 18;
const BLANK = ZEROS.subarray(0, PAGE_BYTES);

/** The name of a file that is being prepared. */
export function unfinishedName(number: number): string {
  return `new-${number}`;
}

export function isSpare(name: string): boolean {
  return /^spare-\d+$/.test(name);
}

/**
 * Segments prepared ahead: files of full length, filled and flushed, that wait for a number. Their first page is blank;
 * one that is not may be a segment's second name, and only its name is ever removed.
 */
export class Spares {
  readonly #files: Files;
  readonly #gate: Gate;
  readonly #segmentBytes: number;
  #names: string[] = [];
  #lastName = 0;
  /** What is left of the segment that is being written: with more than there is to be filled, there is time for short steps. */
  bytesAhead = (): number => 0;

  constructor(files: Files, gate: Gate, segmentBytes: number) {
    this.#files = files;
    this.#gate = gate;
    this.#segmentBytes = segmentBytes;
  }

  get count(): number {
    return this.#names.length;
  }

  get bytes(): number {
    return this.#names.length * this.#segmentBytes;
  }

  /** Finds those of an earlier run, and removes what is unfinished. */
  async load(names: readonly string[]): Promise<void> {
    for (const name of names.filter((each) => /^(new|spare)-\d+$/.test(each))) {
      this.#lastName = Math.max(this.#lastName, Number(name.split('-')[1]));
      if (isSpare(name) && (await this.#isBlank(name))) this.#names.push(name);
      else await this.#files.unlink(name);
    }
  }

  /** Prepares one more. */
  async add(): Promise<void> {
    this.#names.push(await this.create(this.#segmentBytes));
  }

  /** A prepared file of any length, which the caller names. Nothing of it is left behind by a failure. */
  async create(bytes: number): Promise<string> {
    const number = ++this.#lastName;
    const [unfinished, name] = [unfinishedName(number), `spare-${number}`];
    let current = unfinished;
    try {
      await this.#fill(unfinished, bytes);
      await this.#files.rename(unfinished, name);
      current = name;
      await this.#files.flushDirectory();
    } catch (error) {
      await this.#files.unlink(current).catch(() => {});
      throw error;
    }
    return name;
  }

  /** One of them; undefined if there is none. */
  take(): string | undefined {
    return this.#names.pop();
  }

  /** Takes one back, to be given out last. */
  giveBack(name: string): void {
    this.#names.unshift(name);
  }

  /**
   * Makes a spare of a segment that no longer counts, or removes it where that fails. Its old name is gone for good before a
   * byte of it changes.
   */
  async recycle(segment: string): Promise<void> {
    const name = `spare-${++this.#lastName}`;
    let current = segment;
    try {
      await this.#files.rename(segment, name);
      current = name;
      await this.#files.flushDirectory();
      await this.#blank(name);
      this.#names.push(name);
    } catch {
      await this.#files.unlink(current);
    }
  }

  async #blank(name: string): Promise<void> {
    await withFile(this.#files.open(name, 'write'), async (file) => {
      await writeWhole(file, [BLANK], 0);
      await file.flush();
    });
  }

  async #fill(name: string, bytes: number): Promise<void> {
    await withFile(this.#files.create(name), async (file) => {
      for (let at = 0; at < bytes; ) {
        const left = bytes - at;
        const step = left > this.bytesAhead() ? ZEROS.length : SHORT_STEP_BYTES;
        const piece = ZEROS.subarray(0, Math.min(left, step));
        await this.#gate(async () => {
          await writeWhole(file, [piece], at);
          await file.flush();
        });
        at += piece.length;
      }
    });
  }

  #isBlank(name: string): Promise<boolean> {
    return withFile(this.#files.open(name, 'read'), async (file) => {
      const page = Buffer.alloc(PAGE_BYTES, 1);
      const whole = (await file.size()) === this.#segmentBytes && (await file.read(page, 0)) === PAGE_BYTES;
      return whole && page.equals(BLANK);
    });
  }
}
