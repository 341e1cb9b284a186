import { seededRandom } from '../test/simulation/random.ts';
import { serveFile } from './fuse.ts';
import { type Cut, LossyDisk } from './lossy-disk.ts';

/** What the server of a disk is told: to lose its power right after a number of further writes; to have it back. */
export type Command =
  | { readonly kind: 'cut'; readonly afterWrites: number }
  | { readonly kind: 'restore'; readonly seed: number };

/** When the power went, by the clock that all processes share, in nanoseconds; or what of the disk is left. */
export type Answer = { readonly atNs: string } | Cut;

/** A cut comes by then, if there are not as many writes. */
const CUT_WITHIN_MS = 300;

/** A process of its own, as whoever uses the disk waits for it: `disk-server MOUNTPOINT DIRECTORY BYTES`. */
const [mountPoint = '', directory = '', bytes] = process.argv.slice(2);
const disk = new LossyDisk(directory, Number(bytes));
const { ended } = await serveFile(mountPoint, disk);
process.on('message', (command: Command) => {
  if (command.kind === 'cut') cutAfter(command.afterWrites);
  else answer(disk.restore(seededRandom(command.seed)));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
await ended;
process.exit();

function cutAfter(writes: number): void {
  let left = writes;
  const cut = (): void => {
    clearTimeout(timer);
    disk.onWrite = () => {};
    disk.cut();
    answer({ atNs: String(process.hrtime.bigint()) });
  };
  const timer = setTimeout(cut, CUT_WITHIN_MS);
  disk.onWrite = () => {
    if (--left <= 0) cut();
  };
  if (writes === 0) cut();
}

function answer(what: Answer): void {
  process.send?.(what);
}
