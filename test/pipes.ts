import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { open } from 'node:fs/promises';

/** Does this once somebody has opened the pipe to read it, and writes the text then. */
export async function whenRead(pipe: string, text: string, act: () => unknown): Promise<void> {
  const writer = await open(pipe, 'w');
  await act();
  await writer.writeFile(text);
  await writer.close();
}

/** Makes a pipe at a path, which stands for a file that comes when the test says so; returns the path. */
export function pipeFile(path: string): string {
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  return path;
}
