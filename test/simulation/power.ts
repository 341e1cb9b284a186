import assert from 'node:assert/strict';
import { RelayError } from '../../src/errors.ts';
import type { Message } from '../../src/message.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import type { LongMessage } from '../../src/stores/store.ts';
import { Ledger } from './ledger.ts';
import { crashed, Machine } from './machine.ts';
import { drawCrash, drawFaults, drawPlan, drawReadFaults, type Plan, SEGMENT_BYTES } from './plan.ts';
import { below, chance, pick, type Random, seededRandom } from './random.ts';
import { Rounds, recipients } from './rounds.ts';
import { TimeBounds } from './time-bounds.ts';

type DiskStore = Awaited<ReturnType<typeof openDiskStore>>;

/** What a history came across, by which its worth can be judged. */
export interface Course {
  crashes: number;
  /** Segments that were begun. */
  rotations: number;
  /** Files that were removed or made spares again. */
  removals: number;
  refusals: number;
  /** Starts that were refused because of damage. */
  refusedStarts: number;
}

/** Plays the history of a seed; throws where a promise is broken. */
export async function playHistory(seed: number): Promise<Course> {
  const history = new History(seed);
  await history.play();
  return history.course;
}

class History {
  readonly course: Course = { crashes: 0, rotations: 0, removals: 0, refusals: 0, refusedStarts: 0 };
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #machine: Machine;
  readonly #ledger: Ledger;
  readonly #rounds: Rounds;
  #store: DiskStore | undefined;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#plan = drawPlan(this.#random);
    this.#machine = new Machine(this.#random);
    this.#machine.disk.capacity = this.#plan.capacity;
    this.#ledger = new Ledger(this.#plan.limits, new TimeBounds(this.#machine.clock));
    this.#rounds = new Rounds(this.#random, this.#plan, this.#ledger);
  }

  async play(): Promise<void> {
    try {
      await this.#playOn();
    } catch (error) {
      if (!this.#ledger.mayBeDamaged || !isRefusal(error)) throw error;
      this.course.refusedStarts++;
    }
  }

  async #playOn(): Promise<void> {
    await this.#open();
    for (let round = 0; round < this.#plan.rounds; round++) {
      this.#drawTrouble();
      const answered = await this.#machine.run(this.#rounds.begin(this.#opened));
      this.#rounds.end();
      if (answered === crashed) await this.#restart();
      else if (chance(this.#random, 0.04)) await this.#stopAndStart();
      else if (chance(this.#random, 0.3)) await this.#look();
    }
    await this.#heal();
  }

  get #opened(): DiskStore {
    assert.ok(this.#store, 'the store is open');
    return this.#store;
  }

  /** Lets some time pass, and sets up what will go wrong. */
  #drawTrouble(): void {
    const { clock, disk } = this.#machine;
    clock.advance(below(this.#random, chance(this.#random, 0.1) ? 3_000 : 200));
    const { operations } = disk;
    if (chance(this.#random, this.#plan.crashRate))
      operations.stopsAt = drawCrash(this.#random, operations.called);
    if (this.#plan.trouble === 'faults' && chance(this.#random, 0.1)) {
      operations.faultOf = drawFaults(this.#random, operations.called + below(this.#random, 20));
    }
    if (this.#plan.trouble === 'damage' && chance(this.#random, 0.2)) this.#damage();
  }

  #damage(): void {
    const { disk } = this.#machine;
    // Reads that fail for a while lose nothing.
    if (chance(this.#random, 0.3))
      disk.operations.faultOf = drawReadFaults(this.#random, disk.operations.called);
    else if (disk.rot()) this.#ledger.damaged();
  }

  /** Ends the store by a close that may itself be cut short. */
  async #stopAndStart(): Promise<void> {
    await this.#machine.run(this.#opened.close()).catch(expectStorageError);
    await this.#restart();
  }

  /** Begins anew on what the disk has kept, again and again where the recovery is cut short too. */
  async #restart(): Promise<void> {
    do {
      this.#note();
      this.#machine.restart(pick(this.#random, ['kill', 'powerCut']));
      if (chance(this.#random, 0.1)) this.#setClock();
      const { operations } = this.#machine.disk;
      if (chance(this.#random, 0.3)) operations.stopsAt = drawCrash(this.#random, 0);
    } while (!(await this.#open()) || !(await this.#look()));
  }

  async #open(): Promise<boolean> {
    this.#ledger.restarted();
    const { disk, clock } = this.#machine;
    const opening = openDiskStore({
      path: '',
      files: disk.files,
      clock,
      limits: this.#plan.limits,
      segmentBytes: SEGMENT_BYTES,
    });
    const store = await this.#machine.run(opening);
    this.#store = store === crashed ? undefined : store;
    return store !== crashed;
  }

  /** Compares all that is visible with what the clients know; false if the machine stopped meanwhile. */
  async #look(): Promise<boolean> {
    const mailboxes = new Map<string, Message[]>();
    for (const recipient of recipients) {
      const messages = await this.#pullAll(recipient);
      if (messages === crashed) return false;
      mailboxes.set(recipient, messages);
    }
    this.#ledger.look(mailboxes);
    // Damage may be found at any time, also between two of these reads.
    if (this.#ledger.mayBeDamaged) return true;
    // A recount has no patience with a disk that gives errors.
    if (this.#plan.trouble === 'damage') this.#machine.disk.operations.faultOf = () => undefined;
    const shown = [...mailboxes.values()].flat();
    const counts = [shown.length, shown.reduce((sum, { payload }) => sum + payload.length, 0)];
    const figures = this.#opened.figures();
    assert.deepEqual([figures.messages, figures.bytes], counts, 'the counters equal what is there');
    return this.#recount(counts);
  }

  /** Counts what the files hold; false if the machine stopped meanwhile. */
  async #recount(counts: readonly number[]): Promise<boolean> {
    const recount = await this.#machine.run(this.#opened.verify());
    if (recount === crashed) return false;
    assert.deepEqual(
      [recount.messages, recount.bytes],
      counts,
      'a recount of the files equals what is there',
    );
    assert.deepEqual([recount.isConsistent, recount.damage], [true, []]);
    return true;
  }

  async #pullAll(recipient: string): Promise<Message[] | typeof crashed> {
    const limit = {
      messagesMax: 1 + below(this.#random, 50),
      bytesMax: 1 + below(this.#random, 200_000),
      wholeBytesMax: 0,
    };
    const messages: Message[] = [];
    for (;;) {
      const afterSeq = messages.at(-1)?.seq ?? 0;
      const pulling = this.#opened.pull(recipient, afterSeq, limit).catch(expectStorageError);
      const page = await this.#machine.run(pulling);
      if (page === crashed) return crashed;
      if (page === undefined) continue;
      messages.push(...page.messages);
      if (page.long !== undefined) {
        const message = await this.#machine.run(wholeOf(page.long));
        if (message === crashed) return crashed;
        if (message === undefined && !this.#ledger.mayBeDamaged) continue;
        if (message !== undefined) messages.push(message);
      }
      if (!page.more) return messages;
    }
  }

  /** The trouble is over: pushes are taken again before long, and a clean restart changes nothing. */
  async #heal(): Promise<void> {
    while (this.#machine.disk.operations.stopped) await this.#restart();
    const { disk, clock } = this.#machine;
    disk.capacity = Number.POSITIVE_INFINITY;
    disk.operations.faultOf = () => undefined;
    disk.operations.stopsAt = () => false;
    for (let second = 0; second < 10; second++) {
      clock.advance(1_000);
      await this.#machine.settle();
    }
    await this.#machine.run(this.#rounds.pushOne(this.#opened));
    this.#rounds.end();
    assert.ok(await this.#look());
    await this.#machine.run(this.#opened.close());
    this.#note();
    this.#machine.restart('powerCut');
    assert.ok(await this.#open());
    assert.ok(await this.#look());
    await this.#machine.run(this.#opened.close());
    this.#note();
  }

  #setClock(): void {
    const { clock } = this.#machine;
    clock.setWall(clock.wallMs() + pick(this.#random, [-3_600_000, -5_000, 5_000]));
  }

  #note(): void {
    const { operations } = this.#machine.disk;
    this.course.crashes += operations.stopped ? 1 : 0;
    this.course.rotations += operations.calledOf('link');
    this.course.removals += operations.calledOf('unlink') + operations.calledOf('rename');
    this.course.refusals = this.#rounds.refusals;
  }
}

function expectStorageError(error: unknown): void {
  if (!(error instanceof RelayError) || error.code !== 'storage_error') throw error;
}

/** Damage that costs more than a message: the store does not open, and says where. */
function isRefusal(error: unknown): boolean {
  const isStorage = error instanceof RelayError && error.code === 'storage_error';
  return isStorage && /^\d{10}\.seg at \d+: /.test(error.message);
}

/** A message that comes in pieces; undefined if it turns out to be damaged. */
async function wholeOf({ pieces, ...said }: LongMessage): Promise<Message | undefined> {
  const read: Buffer[] = [];
  try {
    for await (const piece of pieces()) read.push(Buffer.from(piece));
  } catch (error) {
    if (error instanceof RelayError) return undefined;
    throw error;
  }
  return read.length === 0 ? undefined : { ...said, payload: Buffer.concat(read) };
}
