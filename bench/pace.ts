import { type Load, type Target, underLoad } from './drive.ts';
import type { Script } from './scripts.ts';

const TICK_MS = 1;

/**
 * An open loop: requests become due at a fixed pace, however late the answers are, and each is sent on the next
 * connection that is free. A latency counts from when its request was due, so that one slow answer shows in all that
 * waited behind it. The scripts must not end before that. Rejects at the first wrong answer.
 */
export async function pace(
  target: Target,
  scripts: readonly Script[],
  perSecond: number,
  seconds: number,
): Promise<Load> {
  const requests = Math.round(perSecond * seconds);
  let timer: NodeJS.Timeout | undefined;
  return underLoad(target, scripts.length, (connections, latenciesMs) => {
    const free = connections.map((connection, index) => ({ connection, script: scripts[index] as Script }));
    const startedMs = performance.now();
    let begun = 0;
    return new Promise<void>((resolve, reject) => {
      function beginWhatIsDue(): void {
        for (let talk = free[0]; talk !== undefined && begun < requests; talk = free[0]) {
          const dueMs = startedMs + (begun * 1000) / perSecond;
          if (dueMs > performance.now()) return;
          free.shift();
          begun++;
          begin(talk, dueMs);
        }
      }
      function begin(talk: (typeof free)[number], dueMs: number): void {
        const { connection, script } = talk;
        connection.ask(
          script.next() as Buffer,
          (answer) => {
            latenciesMs.push(performance.now() - dueMs);
            script.check(answer);
            free.push(talk);
            if (latenciesMs.length === requests) resolve();
            else beginWhatIsDue();
          },
          reject,
        );
      }
      timer = setInterval(beginWhatIsDue, TICK_MS);
    });
  }).finally(() => clearInterval(timer));
}
