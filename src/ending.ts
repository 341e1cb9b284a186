import type { Writable } from 'node:stream';

/** The end of a connection, for who waits for it. */
export interface Ending {
  /** Resolves when the connection has ended, at once if it has already. */
  readonly gone: Promise<undefined>;
  /** For who waits no longer; the connection, which outlives its requests, holds nothing of this one then. */
  forget(): void;
}

export function endingOf(stream: Writable): Ending {
  let close = (): void => {};
  const gone = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  if (stream.destroyed) close();
  else stream.once('close', close);
  return { gone, forget: () => stream.off('close', close) };
}
