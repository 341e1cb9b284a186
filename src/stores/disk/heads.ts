import { endianness } from 'node:os';
import { type Address, instantiate } from '../../wasm.ts';
import type { Words } from '../mailboxes/uuid.ts';
import { headsWasm } from './heads-wasm.ts';
import { emptyHead, keptBytesOf, type RecordHead, readHead, recipientAt, type Writable } from './record.ts';

/** What `wasm/heads.ts` exports. */
interface Code {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly HEADS: Address;
  readonly HEADS_BYTES: Address;
  readonly ROWS: Address;
  readonly ROW_BYTES: Address;
  readonly UNKNOWN: Address;
  read(end: number, max: number): number;
}

/** So many heads cost less to read without WebAssembly than its memory costs: 6 MiB, and V8 looks through its heap sooner. */
const FEW_HEADS = 8192;

/**
 * Reads heads that stand one behind the other, as a start does with millions: WebAssembly makes a row of numbers of each, and
 * knows the recipients that it has met by their bytes. Where there is none, for the first few heads, and for one of more than
 * 64 KiB, `readHead` does it.
 */
export class HeadReader {
  /** How many heads are still read before WebAssembly is asked for; below 0 it was. */
  #few: number;
  #rows: Rows | undefined;
  /** The recipients that are known, by their numbers. */
  readonly #names: string[] = [];

  constructor(few = FEW_HEADS) {
    this.#few = few;
  }

  /**
   * Visits so many whole heads; `head` is the same object each time. Recipients that are known have numbers, from 0 on in the
   * order in which they are met, which is that of the rows.
   */
  visit(heads: Buffer, count: number, visit: (head: RecordHead, name: number | undefined) => void): void {
    if (this.#few >= 0) {
      this.#few -= count;
      if (this.#few < 0) this.#rows = createRows();
    }
    const head: Writable<RecordHead> = emptyHead();
    let at = 0;
    for (let left = count; left > 0; ) {
      const rows = this.#rows?.read(heads.subarray(at), left) ?? 0;
      for (let row = 0; row < rows; row++) {
        const name = this.#rows?.fill(head, row);
        head.recipient = this.#recipientOf(name, heads, at);
        visit(head, name);
        at += head.headBytes;
      }
      left -= rows;
      if (left === 0) return;
      readHead(heads, at, head);
      visit(head, undefined);
      at += head.headBytes;
      left--;
    }
  }

  #recipientOf(name: number | undefined, heads: Buffer, at: number): string {
    if (name === undefined) return recipientAt(heads, at);
    if (name === this.#names.length) this.#names.push(recipientAt(heads, at));
    return this.#names[name] as string;
  }
}

function createRows(): Rows | undefined {
  // The numbers in the memory of WebAssembly are little-endian on every machine.
  const code = endianness() === 'LE' ? instantiate<Code>(headsWasm) : undefined;
  return code && new Rows(code);
}

/** The memory of WebAssembly. */
class Rows {
  readonly #code: Code;
  readonly #heads: Uint8Array;
  /** The rows, as numbers of four bytes and of eight. */
  readonly #words: Uint32Array;
  readonly #numbers: Float64Array;
  readonly #rowBytes: number;
  readonly #unknown: number;

  constructor(code: Code) {
    const { memory, HEADS, HEADS_BYTES, ROWS, ROW_BYTES, UNKNOWN } = code;
    this.#code = code;
    this.#heads = new Uint8Array(memory.buffer, HEADS.value, HEADS_BYTES.value);
    this.#words = new Uint32Array(memory.buffer, ROWS.value);
    this.#numbers = new Float64Array(memory.buffer, ROWS.value);
    this.#rowBytes = ROW_BYTES.value;
    this.#unknown = UNKNOWN.value >>> 0;
  }

  /** Reads as many heads as there is room for; returns how many. */
  read(heads: Buffer, max: number): number {
    const bytes = Math.min(heads.length, this.#heads.length);
    this.#heads.set(heads.subarray(0, bytes));
    return this.#code.read(this.#code.HEADS.value + bytes, max);
  }

  /** Fills a head from its row, but for its recipient, whose number is returned; undefined where there was no room for it. */
  fill(head: Writable<RecordHead>, row: number): number | undefined {
    const [numbers, words] = [this.#numbers, this.#words];
    const at = (row * this.#rowBytes) / 8;
    head.seq = numbers[at] as number;
    head.ms = numbers[at + 1] as number;
    head.deadlineMs = numbers[at + 2] as number;
    const next = 2 * (at + 3);
    const kind = words[next] as number;
    head.kind = kind;
    const id = head.words as Writable<Words>;
    for (let word = 0; word < id.length; word++) id[word] = words[next + 2 + word] as number;
    head.chunkIndex = words[next + 6] as number;
    head.headBytes = words[next + 7] as number;
    const payloadBytes = words[next + 8] as number;
    head.payloadBytes = payloadBytes;
    head.keptBytes = keptBytesOf(kind, payloadBytes);
    const name = words[next + 1] as number;
    return name === this.#unknown ? undefined : name;
  }
}
