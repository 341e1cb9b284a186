import type { MessageKey, NewMessage } from '../../src/message.ts';
import type {
  AckResult,
  Page,
  PageLimit,
  PushResult,
  Store,
  StoreFigures,
  StoreLimits,
} from '../../src/stores/store.ts';

type Open = (limits: Partial<StoreLimits>) => Promise<Store>;

/** A store that stays the same object while it is closed and opened again, or ends as a crash would end it. */
export class RestartingStore implements Store {
  readonly #open: Open;
  readonly #beforeEveryCall: boolean;
  #store: Store;
  #limits: Partial<StoreLimits> = {};
  #inFlight = 0;
  #restarting: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(store: Store, open: Open, beforeEveryCall: boolean) {
    this.#store = store;
    this.#open = open;
    this.#beforeEveryCall = beforeEveryCall;
  }

  /** With `beforeEveryCall` it is opened anew, without a close, for each operation that finds no other in flight. */
  static async open(open: Open, { beforeEveryCall = false } = {}): Promise<RestartingStore> {
    return new RestartingStore(await open({}), open, beforeEveryCall);
  }

  async restart(limits: Partial<StoreLimits> = this.#limits): Promise<void> {
    this.#limits = limits;
    await this.#restarting;
    await this.#store.close();
    this.#store = await this.#open(limits);
  }

  push(message: NewMessage): Promise<PushResult> {
    return this.#run((store) => store.push(message));
  }

  pull(recipient: string, afterSeq: number, limit: PageLimit): Promise<Page> {
    return this.#run((store) => store.pull(recipient, afterSeq, limit));
  }

  isEmpty(recipient: string): boolean {
    return this.#store.isEmpty?.(recipient) ?? false;
  }

  ack(recipient: string, keys: readonly MessageKey[]): Promise<AckResult> {
    return this.#run((store) => store.ack(recipient, keys));
  }

  sweep(): Promise<number> {
    return this.#run((store) => store.sweep());
  }

  figures(): StoreFigures {
    return this.#store.figures();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#restarting;
    await this.#store.close();
  }

  async #run<T>(operation: (store: Store) => Promise<T>): Promise<T> {
    this.#inFlight++;
    try {
      if (this.#beforeEveryCall && this.#closed === undefined) await this.#crash();
      return await operation(this.#store);
    } finally {
      this.#inFlight--;
    }
  }

  async #crash(): Promise<void> {
    if (this.#inFlight === 1) {
      this.#restarting = this.#open(this.#limits).then((store) => {
        this.#store = store;
      });
    }
    await this.#restarting;
  }
}
