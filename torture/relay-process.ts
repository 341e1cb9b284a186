import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { hold, Violation } from './violation.ts';

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const LINES_MAX = 50;

/** A relay in a process group of its own. */
export class RelayProcess {
  /** Resolves with where it listens, or rejects with a `Violation` when it ends or takes too long. */
  readonly listening: Promise<string>;
  /** Resolves once the process is gone, however that came about. */
  readonly gone: Promise<{ code: number | null; signal: string | null }>;
  /** The last lines that it has said, on stderr. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  /** `command` is a line for the shell; `--config` and the file follow it. */
  constructor(command: string, configPath: string) {
    this.#child = spawn(`exec ${command} --config '${configPath}'`, {
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killGroup = (): void => this.signal('SIGKILL');
    process.once('exit', killGroup);
    this.gone = once(this.#child, 'exit').then(([code, signal]) => {
      process.off('exit', killGroup);
      return { code, signal };
    });
    this.#listen();
    this.listening = this.#url();
    this.listening.catch(() => {});
  }

  /** To the whole group; one that is gone already hears nothing. */
  signal(name: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, name);
  }

  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    hold(exitCode === null && signalCode === null, () => `ended by itself: ${this.lines.join('\n')}`);
    this.signal('SIGKILL');
    await this.gone;
  }

  /** Asks it to end, and checks that it does: soon, and with status 0. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const ended = await within(STOP_MS_MAX, this.gone, 'the relay did not stop');
    hold(ended.code === 0, () => `stopped with ${ended.code ?? ended.signal}: ${this.lines.join('\n')}`);
  }

  /** What it has said that only a fault of its own, or of the disk, explains. */
  get errors(): string[] {
    return this.lines.filter((line) => line.includes('"level":"error"') || line.includes('"level":"fatal"'));
  }

  #listen(): void {
    if (this.#child.stderr === null) return;
    createInterface(this.#child.stderr).on('line', (line) => {
      this.lines.push(line);
      if (this.lines.length > LINES_MAX) this.lines.shift();
    });
  }

  #url(): Promise<string> {
    const said = new Promise<string>((resolve, reject) => {
      if (this.#child.stdout === null) return;
      createInterface(this.#child.stdout).on('line', (line) => {
        const url = /listening on (\S+)/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
      });
      this.#child.once('close', () => {
        reject(new Violation(`the relay did not start: ${this.lines.join('\n')}`));
      });
    });
    return within(START_MS_MAX, said, 'the relay did not start in time');
  }
}

async function within<T>(ms: number, promise: Promise<T>, otherwise: string): Promise<T> {
  const waiting = new AbortController();
  const late = pause(ms, undefined, { signal: waiting.signal, ref: false }).then(() => {
    throw new Violation(otherwise);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    waiting.abort();
  }
}
