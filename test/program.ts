import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));

/** Programs that are to end before their directories go: hooks run in the order in which they were given. */
const running = new Map<TestContext, ChildProcessWithoutNullStreams[]>();

/** A directory of its own, removed when the test ends. */
export async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'enigma-relay-program-'));
  t.after(async () => {
    await endPrograms(t);
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

interface ProgramOptions {
  readonly cwd?: string;
  readonly nodeArgs?: string[];
  readonly ulimit?: string;
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program with these arguments, killed when the test ends; `ulimit` is what the shell's command of this name is told before. */
export function spawnProgram(
  t: TestContext,
  args: string[],
  { cwd = tmpdir(), nodeArgs = [], ulimit }: ProgramOptions = {},
): ChildProcessWithoutNullStreams {
  const command = [process.execPath, ...nodeArgs, cli, ...args];
  const limited = ulimit === undefined ? [] : ['sh', '-c', `ulimit ${ulimit} && exec "$@"`, 'sh'];
  const [file, ...rest] = [...limited, ...command] as [string, ...string[]];
  const program = spawn(file, rest, { cwd });
  running.set(t, [...(running.get(t) ?? []), program]);
  t.after(() => endPrograms(t));
  return program;
}

async function endPrograms(t: TestContext): Promise<void> {
  for (const program of running.get(t)?.splice(0) ?? []) {
    const hasEnded = program.exitCode !== null || program.signalCode !== null;
    if (!hasEnded && program.kill('SIGKILL')) await once(program, 'exit');
  }
}

/** Runs the program to its end. */
export async function runProgram(
  t: TestContext,
  args: string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  const program = spawnProgram(t, args, options);
  let stdout = '';
  let stderr = '';
  program.stdout.on('data', (piece) => {
    stdout += piece;
  });
  program.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const [status] = await once(program, 'close');
  return { status, stdout, stderr };
}

/** The next line of a stream that has one of these words in it. */
export async function lineWith(stream: NodeJS.ReadableStream, words: string): Promise<string> {
  for await (const line of createInterface({ input: stream })) {
    if (line.includes(words)) return line;
  }
  throw new Error(`the stream ended before a line with "${words}"`);
}

/** The URL that the program prints once it listens. */
export async function urlOfProgram(program: ChildProcessWithoutNullStreams): Promise<string> {
  const line = await lineWith(program.stdout, 'listening on');
  return line.replace('enigma-relay listening on ', '');
}
