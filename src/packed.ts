import type { PackedMessage } from './message.ts';
import { packedWasm } from './packed-wasm.ts';
import { type Address, instantiate } from './wasm.ts';

/**
 * Messages as they are kept, checked here and written as JSON in `packed-json.ts` by WebAssembly: in half the time of JavaScript,
 * which calls into Node several times for each of them (`docs/decisions/webassembly.md`). What it does not do is told, and left to
 * JavaScript: everything where there is no WebAssembly.
 */

/** What `wasm/packed.ts` exports. */
interface Code {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly WORDS: Address;
  readonly WORD_BYTES: Address;
  readonly TEXT: Address;
  readonly RECORDS: Address;
  readonly OUTPUT: Address;
  isGood(record: number, length: number, seq: number, recipientBytes: number): number;
  write(record: number, length: number, to: number, text: number, textBytes: number): number;
}

/** The memory of WebAssembly, which never grows, and what looks at it. */
class Packed {
  readonly code: Code;
  readonly memory: Buffer;
  readonly text: number;
  readonly output: number;
  readonly outputEnd: number;
  readonly #textBytesMax: number;
  readonly #records: number;
  readonly #recordBytesMax: number;
  /** The buffer of which a part has been copied to `#records`, and which part. */
  #source: Buffer | undefined;
  #from = 0;
  #to = 0;

  constructor(code: Code) {
    const { WORD_BYTES, TEXT, RECORDS, OUTPUT } = code;
    this.code = code;
    this.memory = Buffer.from(code.memory.buffer);
    this.text = TEXT.value;
    this.output = OUTPUT.value;
    // A word is copied with what stands behind it.
    this.outputEnd = this.memory.length - WORD_BYTES.value;
    this.#textBytesMax = RECORDS.value - TEXT.value;
    this.#records = RECORDS.value;
    this.#recordBytesMax = OUTPUT.value - RECORDS.value;
  }

  /** Puts the words there that stand before and behind what changes in a message as JSON. */
  putWords(words: readonly string[]): void {
    const { WORDS, WORD_BYTES } = this.code;
    words.forEach((word, index) => {
      const at = WORDS.value + index * WORD_BYTES.value;
      this.memory.write(word, this.memory.writeUInt8(word.length, at));
    });
  }

  /** Before the first record of a turn of the event loop: its buffer may have got other bytes. */
  begin(): void {
    this.#source = undefined;
  }

  /** Puts a text where it is compared or copied from; returns its length, 0 if there is no room for it. */
  putText(text: string): number {
    return 3 * text.length > this.#textBytesMax ? 0 : this.memory.write(text, this.text);
  }

  /** Where a record is seen, 0 if it cannot be; many are copied at once, as one costs as much to copy as to look at. */
  addressOf(bytes: Buffer, at: number, length: number): number {
    if (bytes !== this.#source || at < this.#from || at + length > this.#to) {
      // Shared memory is copied a byte at a time where it does not stand as its copy will.
      const from = at - (at % 8);
      const to = Math.min(bytes.length, from + this.#recordBytesMax);
      if (at + length > to) return 0;
      this.#source = bytes;
      this.#from = from;
      this.#to = to;
      this.memory.set(bytes.subarray(from, to), this.#records);
    }
    return this.#records + at - this.#from;
  }
}

/** A longer record zlib checks in less time: a call of it costs more, and its bytes less. */
const CHECKED_BYTES_MAX = 4096;

const code = instantiate<Code>(packedWasm);
/** Undefined where there is no WebAssembly. */
export const packed = code && new Packed(code);

/**
 * Tells of records in a buffer, one after the other in one turn of the event loop, whether each is surely good, has its payload
 * as bytes, and is the one of a seq and a recipient. False says nothing.
 */
export function packedChecker(
  bytes: Buffer,
): (at: number, length: number, { seq, recipient }: Pick<PackedMessage, 'seq' | 'recipient'>) => boolean {
  if (packed === undefined) return () => false;
  packed.begin();
  let last = '';
  let lastBytes = 0;
  return (at, length, { seq, recipient }) => {
    if (length > CHECKED_BYTES_MAX) return false;
    if (recipient !== last) {
      last = recipient;
      lastBytes = packed.putText(recipient);
    }
    const record = packed.addressOf(bytes, at, length);
    return record !== 0 && lastBytes > 0 && packed.code.isGood(record, length, seq, lastBytes) === 1;
  };
}
