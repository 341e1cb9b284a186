import type { Logger } from '../../log.ts';
import { segmentName } from './segment.ts';
import type { Segments } from './segments.ts';
import type { Tail } from './tail.ts';

/**
 * Seals segments that have a successor, beside the batches that go into that one: a seal may have megabytes. The file is kept
 * in place meanwhile, so that it becomes no spare under the write.
 */
export class Seals {
  readonly #segments: Segments;
  readonly #logger: Logger;
  #writing: Promise<void> = Promise.resolve();

  constructor(segments: Segments, logger: Logger) {
    this.#segments = segments;
    this.#logger = logger;
  }

  /** Leaves a segment, with a seal unless its file has failed. */
  leave(tail: Tail, hasFailed: boolean): void {
    const leaving = this.#leave(tail, hasFailed);
    this.#writing = this.#writing.then(() => leaving);
  }

  /** Resolves when every segment that was left is sealed and closed. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** Never rejects: a segment without its seal is as good, a start only takes longer. */
  async #leave(tail: Tail, hasFailed: boolean): Promise<void> {
    const held = this.#segments.hold(tail.number, tail.number);
    try {
      if (!hasFailed) await tail.seal();
    } catch (error) {
      this.#segments.mark(tail.number, 'tainted');
      this.#logger.warn({ err: error, file: segmentName(tail.number) }, 'a segment is left without a seal');
    }
    await tail.close().catch(() => {});
    held.release();
  }
}
