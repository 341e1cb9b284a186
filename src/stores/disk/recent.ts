/** A stretch of a segment, from `from` to `to`. */
interface Stretch {
  segment: number;
  from: number;
  to: number;
  readonly bytes: Buffer;
}

/**
 * What was written last, in memory: a recipient that is there pulls a message as soon as it is pushed, and the trip to the
 * disk would cost more than all else of its pull. Two stretches; when the newer is full, it takes the place of the older.
 */
export class Recent {
  #newer: Stretch;
  #older: Stretch;

  /** `bytesMax`: the length of each stretch. */
  constructor(bytesMax: number) {
    const stretch = () => ({ segment: 0, from: 0, to: 0, bytes: Buffer.allocUnsafeSlow(bytesMax) });
    this.#newer = stretch();
    this.#older = stretch();
  }

  /** Takes over what was written at a position, piece behind piece. */
  add(segment: number, position: number, pieces: readonly Uint8Array[]): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length > this.#newer.bytes.length) return;
    if (!this.#goesOn(segment, position, length)) this.#begin(segment, position);
    const { bytes, from } = this.#newer;
    for (const piece of pieces) {
      bytes.set(piece, this.#newer.to - from);
      this.#newer.to += piece.length;
    }
  }

  /** What stands between two positions of a segment, until more is written; undefined if not all of it is here. */
  find(segment: number, from: number, to: number): Buffer | undefined {
    const stretch = [this.#newer, this.#older].find(
      (one) => one.segment === segment && one.from <= from && to <= one.to,
    );
    return stretch?.bytes.subarray(from - stretch.from, to - stretch.from);
  }

  #goesOn(segment: number, position: number, length: number): boolean {
    const { segment: current, from, to, bytes } = this.#newer;
    return current === segment && to === position && to - from + length <= bytes.length;
  }

  #begin(segment: number, position: number): void {
    [this.#newer, this.#older] = [this.#older, this.#newer];
    Object.assign(this.#newer, { segment, from: position, to: position });
  }
}
