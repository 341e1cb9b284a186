import { endianness } from 'node:os';
import { type Address, instantiate } from '../../wasm.ts';
import { LIVE, MEMORY, type SlotRows, slotRow } from '../mailboxes/slots.ts';
import type { Table } from '../mailboxes/table.ts';
import { headsWasm } from './heads-wasm.ts';
import { END, headBytesAt, isPush, type RecordHead, readHead } from './record.ts';
import type { LogPosition } from './segment.ts';

/** What `wasm/heads.ts` exports. */
interface Code {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly HEADS: Address;
  readonly HEADS_BYTES: Address;
  readonly KEYS: Address;
  readonly TIMES: Address;
  readonly SLOTS: Address;
  readonly NEW_NAMES: Address;
  readonly newNames: Address;
  readonly headsEnd: Address;
  readonly position: Address;
  read(at: number, end: number, max: number, segment: number, position: number): number;
  finish(count: number, seed0: number, seed1: number): void;
}

/** Heads that stand one behind the other, and where the record of the first one begins. */
export interface Heads {
  readonly bytes: Buffer;
  readonly count: number;
  readonly from: LogPosition;
}

/**
 * Makes rows of heads, as a start does of millions. WebAssembly makes many at once, and knows the recipients that it has met by
 * their bytes. Where there is none, and for those that it leaves, it is done one by one.
 */
export class HeadReader {
  readonly #one: OneRow;
  readonly #many: ManyRows | undefined;

  /** `inMany`: by WebAssembly where there is some. */
  constructor(table: Table, inMany: boolean) {
    this.#one = new OneRow(table);
    this.#many = inMany ? createManyRows(table) : undefined;
  }

  /** Visits the rows of whole heads, as many at once as there are. One that ends the log has none; returns whether it was the last. */
  visit({ bytes, count, from }: Heads, visit: (rows: SlotRows, count: number) => void): boolean {
    const many = this.#many;
    many?.begin(bytes);
    const { segment } = from;
    let { position } = from;
    let isEnd = false;
    for (let [at, left] = [0, count]; left > 0; ) {
      const rows = many?.read(at, left, segment, position) ?? 0;
      if (many !== undefined && rows > 0) {
        visit(many, rows);
        [at, position, isEnd] = [many.headsEnd, many.position, false];
        left -= rows;
        continue;
      }
      const { kind, headBytes, keptBytes } = this.#one.read(bytes, at, segment, position);
      isEnd = kind === END;
      if (!isEnd) visit(this.#one, 1);
      at += headBytes;
      position += headBytes + keptBytes;
      left--;
    }
    return isEnd;
  }
}

/** A row that is made without WebAssembly. */
class OneRow implements SlotRows {
  readonly #table: Table;
  keys: Uint32Array = new Uint32Array();
  readonly times = new Float64Array(2);
  slots: Uint32Array = new Uint32Array();

  constructor(table: Table) {
    this.#table = table;
  }

  /** Reads the whole head at a place; returns it. */
  read(heads: Buffer, at: number, segment: number, position: number): RecordHead {
    const head = readHead(heads, at) as RecordHead;
    if (head.kind === END) return head;
    const { recipient, words, chunkIndex, payloadBytes } = head;
    this.keys = this.#table.slots.keys.rowOf(this.#table.mailboxFor(recipient).number, words, chunkIndex);
    this.times.set([head.seq, isPush(head) ? head.deadlineMs : head.ms]);
    const place = { segment, position, bytes: head.headBytes + head.keptBytes };
    this.slots = slotRow(isPush(head) ? LIVE : MEMORY, payloadBytes, place);
    return head;
  }
}

function createManyRows(table: Table): ManyRows | undefined {
  // The numbers in the memory of WebAssembly are little-endian on every machine.
  const code = endianness() === 'LE' ? instantiate<Code>(headsWasm) : undefined;
  return code && new ManyRows(code, table);
}

/** The memory of WebAssembly. */
class ManyRows implements SlotRows {
  readonly #code: Code;
  readonly #table: Table;
  readonly #memory: Buffer;
  readonly #newNames: Uint32Array;
  readonly keys: Uint32Array;
  readonly times: Float64Array;
  readonly slots: Uint32Array;
  /** The heads that are read, and which of them are in the memory. */
  #heads: Buffer = Buffer.alloc(0);
  #loaded = { from: 0, to: 0 };

  constructor(code: Code, table: Table) {
    const { buffer } = code.memory;
    this.#code = code;
    this.#table = table;
    this.#memory = Buffer.from(buffer);
    this.#newNames = new Uint32Array(buffer, code.NEW_NAMES.value);
    this.keys = new Uint32Array(buffer, code.KEYS.value);
    this.times = new Float64Array(buffer, code.TIMES.value);
    this.slots = new Uint32Array(buffer, code.SLOTS.value);
  }

  begin(heads: Buffer): void {
    this.#heads = heads;
    this.#loaded = { from: 0, to: 0 };
  }

  /** Makes rows of as many heads as there is room for, at most `max`; returns how many, 0 if the first one is left to others. */
  read(at: number, max: number, segment: number, position: number): number {
    if (at + headBytesAt(this.#heads, at) > this.#loaded.to) this.#load(at);
    const { from, to } = this.#loaded;
    const code = this.#code;
    const begin = code.HEADS.value - from;
    const count = code.read(begin + at, begin + to, max, segment, position);
    for (let index = 0; index < code.newNames.value; index++) this.#name(4 * index);
    code.finish(count, ...this.#table.slots.keys.seed);
    return count;
  }

  /** Where the last read ended in the heads, and in the segment. */
  get headsEnd(): number {
    return this.#code.headsEnd.value - this.#code.HEADS.value + this.#loaded.from;
  }

  get position(): number {
    return this.#code.position.value >>> 0;
  }

  #load(from: number): void {
    const { HEADS, HEADS_BYTES } = this.#code;
    const bytes = this.#heads.subarray(from, from + HEADS_BYTES.value);
    this.#memory.set(bytes, HEADS.value);
    this.#loaded = { from, to: from + bytes.length };
  }

  /** Writes the number of a new name's mailbox. */
  #name(index: number): void {
    const [number = 0, at = 0, bytes = 0] = this.#newNames.subarray(index, index + 3);
    const name = this.#memory.toString('utf8', at, at + bytes);
    this.#memory.writeUInt32LE(this.#table.mailboxFor(name).number, number);
  }
}
