import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { HeadReader } from '../../src/stores/disk/heads.ts';
import { KEY_ROW_WORDS } from '../../src/stores/mailboxes/keys.ts';
import { SLOT_ROW_WORDS, type SlotRows } from '../../src/stores/mailboxes/slots.ts';
import { Table } from '../../src/stores/mailboxes/table.ts';
import { encode, type Given, record, sample } from './records.ts';

test('many heads at once make the rows that they make one by one', () => {
  const table = new Table(() => {});
  const [many, one] = [new HeadReader(table, true), new HeadReader(table, false)];
  // So many that they are not read at once, and at times one that does not fit into what is.
  const batch = fc.tuple(
    fc.array(record, { maxLength: 30 }),
    fc.constantFrom(1, 1, 80),
    fc.constantFrom([], [], [{ ...sample, recipient: 'r'.repeat(65_535) }]),
  );
  fc.assert(
    fc.property(batch, ([some, times, large]) => {
      const given = [...Array.from({ length: times }, () => some).flat(), ...large, ...some];
      const [found, expected] = [rowsOf(many, given), rowsOf(one, given)];
      assert.deepEqual(found.rows, expected.rows);
      assert.equal(found.isEnd, expected.isEnd);
    }),
  );
});

test('with more recipients than there is room for, each record is still that of its own', () => {
  let asked = 0;
  class Asked extends Table {
    override mailboxFor(recipient: string) {
      asked++;
      return super.mailboxFor(recipient);
    }
  }
  const table = new Asked(() => {});
  const reader = new HeadReader(table, true);
  for (let round = 0; round < 2; round++) {
    for (let first = 0; first < 120_000; first += 1_000) {
      const names = Array.from({ length: 1_000 }, (_, index) => String(first + index).padStart(64, '0'));
      const found = rowsOf(
        reader,
        names.map((name) => ({ ...sample, recipient: name })),
      );
      assert.deepEqual(
        found.rows.map(({ keys }) => keys[0]),
        names.map((name) => table.mailbox(name)?.number),
      );
    }
  }
  // Each once, and those for which there was no room again.
  const unnamed = asked - 120_000;
  assert.ok(unnamed > 20_000 && unnamed < 70_000, `${unnamed}`);
});

test('without WebAssembly heads are read one by one', async () => {
  const given = Array.from({ length: 3 }, (_, seq) => ({ ...sample, seq }));
  const from = (path: string): string =>
    JSON.stringify(new URL(`../../src/stores/${path}.js`, import.meta.url));
  const program = `
    import { HeadReader } from ${from('disk/heads')};
    import { Table } from ${from('mailboxes/table')};
    const found = [];
    const heads = { bytes: Buffer.from(process.argv[1], 'base64'), count: ${given.length}, from: { segment: 1, position: 0 } };
    new HeadReader(new Table(() => {}), true).visit(heads, ({ times }, count) => found.push([times[0], count]));
    console.log(JSON.stringify([typeof WebAssembly, found]));`;
  const heads = Buffer.concat(given.map(encode)).toString('base64');
  const args = ['--jitless', '--input-type=module', '--eval', program, heads];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const found = given.map(({ seq }) => [seq, 1]);
  assert.deepEqual(JSON.parse(stdout), ['undefined', found]);
});

/** The rows that a reader makes, and whether the last head ends the log. */
function rowsOf(reader: HeadReader, given: readonly Given[]): { rows: Row[]; isEnd: boolean } {
  const bytes = Buffer.concat(given.map(encode));
  const rows: Row[] = [];
  const heads = { bytes, count: given.length, from: { segment: 7, position: 48 } };
  const isEnd = reader.visit(heads, (found, count) => {
    for (let row = 0; row < count; row++) rows.push(rowOf(found, row));
  });
  return { rows, isEnd };
}

interface Row {
  readonly keys: number[];
  readonly times: number[];
  readonly slots: number[];
}

function rowOf({ keys, times, slots }: SlotRows, row: number): Row {
  const part = (from: Uint32Array | Float64Array, length: number): number[] => [
    ...from.subarray(row * length, (row + 1) * length),
  ];
  return { keys: part(keys, KEY_ROW_WORDS), times: part(times, 2), slots: part(slots, SLOT_ROW_WORDS) };
}
