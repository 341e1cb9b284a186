const SHARDS = 64;

/**
 * A map from recipients, in parts: a JavaScript Map copies itself whole when it grows, which takes a tenth of a
 * second at a million entries.
 */
export class Names<Value> {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, Value>());

  get(name: string): Value | undefined {
    return this.#shard(name).get(name);
  }

  set(name: string, value: Value): void {
    this.#shard(name).set(name, value);
  }

  delete(name: string): void {
    this.#shard(name).delete(name);
  }

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.size, 0);
  }

  #shard(name: string): Map<string, Value> {
    const end = name.length - 1;
    const mix = name.charCodeAt(end) + 31 * name.charCodeAt(end >> 1) + 7 * name.charCodeAt(0);
    // Of an empty name there is no number.
    return this.#shards[(mix % SHARDS) | 0] as Map<string, Value>;
  }
}
