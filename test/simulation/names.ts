import type { Contents } from './contents.ts';
import { chance, type Random } from './random.ts';

/** One change of a directory; what it removes and adds goes together. */
export interface NameChange {
  readonly removed?: string;
  readonly added?: { readonly name: string; readonly contents: Contents };
}

/** A directory: its names as processes see them, and as they would survive a power cut. */
export class Names {
  readonly current = new Map<string, Contents>();
  readonly #durable = new Map<string, Contents>();
  #unflushed: NameChange[] = [];

  change(change: NameChange): void {
    apply(this.current, change);
    this.#unflushed.push(change);
  }

  /** The last change that a flush called now has to make durable. */
  markFlush(): NameChange | undefined {
    return this.#unflushed.at(-1);
  }

  flush(mark: NameChange | undefined): void {
    const count = mark === undefined ? 0 : this.#unflushed.indexOf(mark) + 1;
    for (const change of this.#unflushed.splice(0, count)) apply(this.#durable, change);
  }

  /** What is left after a power cut: each unflushed change arrived, or not, whatever those before it did. */
  afterPowerCut(random: Random, arrival: number): Names {
    const left = new Names();
    const survivors = new Map<Contents, Contents>();
    for (const change of this.#unflushed) if (chance(random, arrival)) apply(this.#durable, change);
    for (const [name, contents] of this.#durable) {
      const survivor = survivors.get(contents) ?? contents.afterPowerCut(random, arrival);
      survivors.set(contents, survivor);
      left.current.set(name, survivor);
      left.#durable.set(name, survivor);
    }
    return left;
  }
}

function apply(names: Map<string, Contents>, { removed, added }: NameChange): void {
  if (removed !== undefined) names.delete(removed);
  if (added !== undefined) names.set(added.name, added.contents);
}
