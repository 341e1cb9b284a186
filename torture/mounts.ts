import { execFileSync } from 'node:child_process';

/** Runs a command to its end; throws what it has said when it fails. */
export function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Has a directory unmounted when the process ends; returns what does it now, whoever still uses it. */
export function unmountAtExit(path: string): () => void {
  const unmount = (): void => {
    process.off('exit', unmount);
    run('umount', '--lazy', path);
  };
  process.once('exit', unmount);
  return unmount;
}
