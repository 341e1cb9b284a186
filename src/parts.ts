import type { Writable } from 'node:stream';
import type { Reply } from './api.ts';

/**
 * Writes the parts of an answer that follow the first, and an empty one behind them, as fast as they are taken. Ends
 * early with the connection.
 */
export async function writeParts(
  stream: Writable,
  more: Required<Reply>['more'],
  framed: (part: string) => string,
): Promise<void> {
  for (;;) {
    if (stream.writableNeedDrain) await taken(stream);
    if (stream.destroyed) return;
    const part = await more();
    stream.write(framed(part ?? ''));
    if (part === undefined) return;
  }
}

/** A part of an answer without a length, as HTTP sends it; the empty one ends it. */
export function chunk(part: string): string {
  return `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`;
}

/** Resolves when the stream takes more, or is closed. */
function taken(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.on('drain', settle).on('close', settle);
  });
}
