/** A UUID as four u32, the first one first. */
export type Words = readonly [number, number, number, number];

/** A lower-case hyphenated UUID as words. */
export function uuidWords(uuid: string): Words {
  return [hexWord(uuid, 0, 9), hexWord(uuid, 9, 18), hexWord(uuid, 19, 28), hexWord(uuid, 28, 36)];
}

/** The digits between two places; this runs for every message, and `parseInt` on slices takes five times as long. */
function hexWord(uuid: string, from: number, to: number): number {
  let word = 0;
  for (let at = from; at < to; at++) {
    const code = uuid.charCodeAt(at);
    if (code !== HYPHEN) word = (word << 4) | (code <= NINE ? code - ZERO : code - LETTER_A + 10);
  }
  return word >>> 0;
}

const [HYPHEN, ZERO, NINE, LETTER_A] = [0x2d, 0x30, 0x39, 0x61];

/** Words as a lower-case hyphenated UUID. */
export function uuidText(words: Words): string {
  let at = 0;
  for (let digit = 0; digit < 32; digit++) {
    if (digit === 8 || digit === 12 || digit === 16 || digit === 20) at++;
    text[at++] = HEX[((words[digit >> 3] as number) >>> (28 - 4 * (digit & 7))) & 15] as number;
  }
  return text.toString('latin1');
}

const HEX = Buffer.from('0123456789abcdef');
/** Where a UUID is put together. */
const text = Buffer.alloc(36, '-');
