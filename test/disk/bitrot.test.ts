import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelayError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Message } from '../../src/message.ts';
import { openDiskStore } from '../../src/stores/disk/open.ts';
import { recount } from '../../src/stores/disk/recount.ts';
import { repairFiles } from '../../src/stores/disk/repair.ts';
import type { Store } from '../../src/stores/store.ts';
import { below, pick, type Random, seededRandom } from '../simulation/random.ts';
import { TestClock } from '../stores/clock.ts';
import { keyOf, contractLimits as limits, message, pullAll } from '../stores/harness.ts';
import { MemoryFiles } from './memory-files.ts';

const segmentBytes = 16_384;
const clock = new TestClock();
const recipients = ['alice', 'bob'];
const numbers = Array.from({ length: 20 }, (_, number) => number);
/** Every so manieth byte is flipped; FLIP_STEP=1 flips all of them, which takes some minutes. */
const step = Number(process.env.FLIP_STEP ?? 797);

const manifold = Number(process.env.DAMAGED ?? 60);

/** What a store says of itself. */
interface Shown {
  readonly messages: readonly Message[];
  /** Numbers of messages whose acks are remembered. */
  readonly remembered: readonly number[];
}

/** What comes of opening a store on files: what it shows, and what it has said of damage; or why it does not open. */
type Outcome =
  | { readonly refused: string }
  | { readonly refused: undefined; readonly shown: Shown; readonly reported: readonly string[] };

const original = await smallStore();
const intact = await outcomeOf(original);
assert.ok(intact.refused === undefined);
const whole = intact.shown;
const segments = [...original.contents.keys()].filter((name) => name.endsWith('.seg')).sort();

test('the store that is damaged here has several segments, messages, acks, and a close', () => {
  assert.deepEqual([segments.length > 3, whole.messages.length, whole.remembered.length], [true, 16, 4]);
});

test('whichever byte of a store is flipped, it says where, and shows no wrong message and hides no loss', async () => {
  let refused = 0;
  let lost = 0;
  for (const name of segments) {
    for (let at = 0; at < original.bytesOf(name).length; at += step) {
      const files = original.copy();
      const bytes = files.bytesOf(name);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at & 7)), at);
      const outcome = await check(files, name, `${name} at ${at}`);
      if (outcome.refused !== undefined) refused++;
      else if (outcome.reported.length > 0) lost++;
      const missing = await checkRepair(files, `repaired: ${name} at ${at}`);
      assert.ok(missing <= (at < 4096 ? 0 : 1), `repaired: ${name} at ${at}: ${missing} are missing`);
    }
  }
  assert.ok(refused > 0 && lost > 0, `${refused} refused, ${lost} with a loss`);
});

test('a segment that is cut, missing, under another name, or there twice, is named', async () => {
  for (const name of segments) {
    for (const length of [0, 1, 4095, 4096, 8192, segmentBytes - 1]) {
      const cut = original.copy();
      cut.contents.set(name, { bytes: cut.bytesOf(name).subarray(0, length) });
      await check(cut, name, `${name} cut to ${length}`);
      await checkRepair(cut, `repaired: ${name} cut to ${length}`);
    }
    const missing = original.copy();
    missing.contents.delete(name);
    assert.notEqual((await outcomeOf(missing)).refused, undefined, `without ${name}`);
    await checkRepair(missing, `repaired: without ${name}`);
    for (const other of segments) {
      if (other === name) continue;
      const swapped = original.copy();
      swapped.contents.set(name, { bytes: original.bytesOf(other) });
      swapped.contents.set(other, { bytes: original.bytesOf(name) });
      await check(swapped, name < other ? name : other, `${name} and ${other} swapped`);
      assert.equal(await checkRepair(swapped, `repaired: ${name} and ${other} swapped`), 0);
    }
    for (const twice of ['0000000099.seg', 'spare-9', 'new-9', `${name}.bad`, 'copy of a segment']) {
      const doubled = original.copy();
      doubled.contents.set(twice, { bytes: Buffer.from(doubled.bytesOf(name)) });
      await check(doubled, '0000000099.seg', `${name} as ${twice} too`);
      assert.equal(await checkRepair(doubled, `repaired: ${name} as ${twice} too`), 0);
    }
  }
});

test('whatever several damages leave of a store, a repair makes one of it that opens, with no wrong message', async () => {
  for (let seed = 1; seed <= manifold; seed++) {
    const random = seededRandom(seed);
    const files = original.copy();
    for (let times = 1 + below(random, 4); times > 0; times--) damageSomething(files, random);
    if (!segments.some((name) => files.contents.has(name))) continue;
    await checkRepair(files, `repaired: seed ${seed}`);
  }
});

/** Overwrites a stretch of a segment with noise, zeros, or what stands elsewhere; cuts it, removes it, or gives it another name. */
function damageSomething(files: MemoryFiles, random: Random): void {
  const name = pick(random, segments);
  if (!files.contents.has(name)) return;
  const bytes = files.bytesOf(name);
  const from = below(random, bytes.length);
  const stretch = bytes.subarray(from, from + below(random, pick(random, [2, 60, 5_000])));
  const other = pick(random, segments);
  pick(random, [
    () => stretch.fill(0),
    () => stretch.set(stretch.map(() => below(random, 256))),
    () => original.bytesOf(other).copy(stretch, 0, below(random, 4_096)),
    () => files.contents.set(name, { bytes: bytes.subarray(0, from) }),
    () => files.contents.delete(name),
    () => files.contents.set(other, { bytes: Buffer.from(bytes) }),
  ])();
}

test('a directory that has lost every segment is not taken for a new one', async () => {
  const files = original.copy();
  for (const name of segments) files.contents.delete(name);
  await check(files, '0000000001.seg', 'without segments');
});

/** After a repair a store opens on what is whole, and on acked messages that come back; returns what is missing. */
async function checkRepair(damaged: MemoryFiles, what: string): Promise<number> {
  const files = damaged.copy();
  const { before, done, after } = await repairFiles(files, limits, () => clock.wallMs());
  assert.deepEqual(after.damage, [], what);
  assert.equal(done.length > 0, before.damage.length > 0, what);
  const outcome = await outcomeOf(files);
  assert.equal(outcome.refused, undefined, what);
  const { messages } = outcome.shown as Shown;
  for (const { messageId, recipient, payload, meta } of messages) {
    const { payload: pushed, ...rest } = pushOf(Number.parseInt(messageId.slice(-12), 16));
    assert.deepEqual({ messageId, recipient, meta }, rest, what);
    assert.ok(pushed.equals(payload), what);
  }
  return whole.messages.filter(({ seq }) => !messages.some((each) => each.seq === seq)).length;
}

/** What every damage must come to: a refusal that names the file, or what is whole, with each loss reported. */
async function check(files: MemoryFiles, name: string, what: string): Promise<Outcome> {
  const found = await recount(files, { limits, now: () => clock.wallMs() });
  const outcome = await outcomeOf(files.copy());
  if (outcome.refused !== undefined) {
    assert.match(outcome.refused, new RegExp(`^${name} at \\d+: `), what);
    const stopping = found.damage.find(({ stopsStart }) => stopsStart);
    assert.ok(outcome.refused.startsWith(`${stopping?.file} at ${stopping?.offset}: `), what);
    return outcome;
  }
  const { shown, reported } = outcome;
  const missing = whole.messages.filter(({ seq }) => !shown.messages.some((each) => each.seq === seq));
  assert.deepEqual(
    shown.messages,
    whole.messages.filter((each) => !missing.includes(each)),
    `${what}: no wrong message`,
  );
  assert.deepEqual(shown.remembered, whole.remembered, `${what}: no ack is forgotten`);
  assert.equal(reported.length, missing.length, `${what}: each loss is reported`);
  for (const each of reported) assert.equal(each, name, what);
  assert.equal(found.lost, missing.length, `${what}: verify finds each loss`);
  assert.equal(found.damage.length >= missing.length, true, `${what}: verify names it`);
  return outcome;
}

async function outcomeOf(files: MemoryFiles): Promise<Outcome> {
  const reported: string[] = [];
  const error = (fields: object): void => void reported.push((fields as { file: string }).file);
  let store: Store;
  try {
    const log = { ...silentLog, error };
    store = await openDiskStore({ path: '', files, limits, clock, segmentBytes, log });
  } catch (refusal) {
    assert.ok(refusal instanceof RelayError && refusal.code === 'storage_error', String(refusal));
    return { refused: refusal.message };
  }
  const messages = (await Promise.all(recipients.map((recipient) => pullAll(store, recipient)))).flat();
  const shown = new Set(messages.map(({ messageId }) => messageId));
  const gone = numbers.filter((number) => !shown.has(message(number).messageId));
  const pushed = await Promise.all(gone.map((number) => store.push(pushOf(number))));
  await store.close();
  const remembered = gone.filter((_, index) => !pushed[index]?.stored);
  return { refused: undefined, shown: { messages, remembered }, reported };
}

/** The files of a closed store with messages of two mailboxes, some of which are acked. */
async function smallStore(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const store = await openDiskStore({ path: '', files, limits, clock, segmentBytes });
  for (let first = 0; first < numbers.length; first += 5) {
    const batch = numbers.slice(first, first + 5).map(pushOf);
    await Promise.all(batch.map((each) => store.push(each)));
    const [acked] = batch;
    if (acked !== undefined) await store.ack(acked.recipient, [keyOf(acked)]);
  }
  await store.close();
  return files;
}

function pushOf(number: number) {
  const recipient = recipients[number % 2] as string;
  return { ...message(number, { recipient }), payload: Buffer.alloc(100 * (number % 7), number) };
}
