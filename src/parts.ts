import type { Writable } from 'node:stream';
import { pageBuffers } from './buffer-pool.ts';
import type { Parts } from './pull.ts';

/**
 * Writes an answer's body, each part of it when the one before was taken. `chunked`: in the form that HTTP gives to
 * bodies without a length. Ends early with the connection.
 */
export async function writeParts(stream: Writable, { body, more }: Parts, chunked: boolean): Promise<void> {
  for (let part: Parts['body'] | undefined = body; part !== undefined; part = await more?.()) {
    stream.cork();
    if (chunked) stream.write(`${Buffer.byteLength(part).toString(16)}\r\n`);
    writePart(stream, part);
    if (chunked) stream.write('\r\n');
    stream.uncork();
    if (stream.writableNeedDrain) await taken(stream);
    if (stream.destroyed) return;
  }
  if (chunked) stream.write('0\r\n\r\n');
}

/** Once a part has left, its buffer serves another one. */
export function writePart(stream: Writable, part: Parts['body']): void {
  if (typeof part === 'string') stream.write(part);
  else
    stream.write(part, (error) => {
      if (!error) pageBuffers.give(part);
    });
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
