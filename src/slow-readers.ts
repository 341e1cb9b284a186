import type { Socket } from 'node:net';
import type { Clock } from './stores/store.ts';

/** How long a client may take for what is written at a time, 350 KB at most: three kilobytes a second. */
const TAKE_MS = 120_000;
const CHECK_MS = 30_000;

/** What a client had not taken at a check. */
interface Behind {
  readonly takenBytes: number;
  readonly sinceMs: number;
}

/** Ends connections whose clients read, but too slowly to be worth the memory. Returns what ends that. */
export function endSlowReaders(connections: ReadonlySet<Socket>, clock: Clock): () => void {
  const behind = new WeakMap<Socket, Behind>();

  function check(): void {
    const nowMs = clock.monotonicMs();
    for (const socket of connections) {
      if (socket.writableLength === 0) continue;
      const takenBytes = socket.bytesWritten - socket.writableLength;
      const before = behind.get(socket);
      if (before?.takenBytes !== takenBytes) behind.set(socket, { takenBytes, sinceMs: nowMs });
      else if (nowMs - before.sinceMs >= TAKE_MS) socket.destroy();
    }
    cancel = clock.after(CHECK_MS, check);
  }

  let cancel = clock.after(CHECK_MS, check);
  return () => cancel();
}
