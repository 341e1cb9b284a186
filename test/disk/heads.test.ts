import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { HeadReader } from '../../src/stores/disk/heads.ts';
import {
  ACK,
  ackBytes,
  END,
  MEMORY,
  PUSH,
  PUSH_BASE64,
  pushHeadBytes,
  type RecordHead,
  readHead,
  writeAck,
  writeEnd,
  writePushHead,
} from '../../src/stores/disk/record.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const recipient = fc.oneof(
  fc.constantFrom('alice', 'bob', 'a', '', 'é', '12345678', '123456789', 'x'.repeat(64), 'x'.repeat(256)),
  fc.string({ unit: 'binary', maxLength: 40 }).map((any) => Buffer.from(any).toString()),
);
const record = fc.record({
  kind: fc.constantFrom(PUSH, PUSH_BASE64, ACK, MEMORY, END),
  recipient,
  messageKind: fc.constantFrom('', 'opaque', 'é'),
  words: fc.tuple(u32, u32, u32, u32),
  chunkIndex: u32,
  seq: fc.maxSafeNat(),
  ms: fc.maxSafeNat(),
  deadlineMs: u64,
  payloadBytes: u32,
});
type Given = typeof record extends fc.Arbitrary<infer Value> ? Value : never;

test('heads are read in rows as they are one by one, and a recipient has one number', () => {
  const reader = new HeadReader(0);
  const numbers = new Map<string, number>();
  // So many that they are not read at once, and at times one that does not fit into what is.
  const batch = fc.tuple(
    fc.array(record, { maxLength: 30 }),
    fc.constantFrom(1, 1, 80),
    fc.constantFrom([], [], [{ ...sample, recipient: 'r'.repeat(65_535) }]),
  );
  fc.assert(
    fc.property(batch, ([some, times, large]) => {
      const given = [...Array.from({ length: times }, () => some).flat(), ...large, ...some];
      const heads = Buffer.concat(given.map(encode));
      const found: RecordHead[] = [];
      reader.visit(heads, given.length, (head, name) => {
        found.push(structuredClone(head));
        if (name === undefined) return;
        assert.equal(numbers.get(head.recipient) ?? name, name);
        assert.equal(numbers.has(head.recipient) || name === numbers.size, true);
        numbers.set(head.recipient, name);
      });
      assert.deepEqual(found, oneByOne(heads, given.length));
    }),
  );
});

test('with more recipients than there is room for, each record is still that of its own', () => {
  const reader = new HeadReader(0);
  const named = new Map<number, string>();
  let unnamed = 0;
  for (let round = 0; round < 2; round++) {
    for (let first = 0; first < 120_000; first += 1_000) {
      const names = Array.from({ length: 1_000 }, (_, index) => String(first + index).padStart(64, '0'));
      const given = names.map((name) => ({ ...sample, recipient: name }));
      const found: string[] = [];
      reader.visit(Buffer.concat(given.map(encode)), given.length, (head, name) => {
        found.push(head.recipient);
        if (name === undefined) unnamed++;
        else assert.equal(named.get(name) ?? head.recipient, head.recipient);
        if (name !== undefined) named.set(name, head.recipient);
      });
      assert.deepEqual(found, names);
    }
  }
  assert.ok(named.size > 50_000 && unnamed > 2 * 20_000, `${named.size} ${unnamed}`);
});

test('without WebAssembly heads are read one by one', async () => {
  const given = Array.from({ length: 3 }, (_, seq) => ({ ...sample, seq }));
  const program = `
    import { HeadReader } from ${JSON.stringify(new URL('../../src/stores/disk/heads.js', import.meta.url))};
    const found = [];
    const heads = Buffer.from(process.argv[1], 'base64');
    new HeadReader(0).visit(heads, ${given.length}, ({ seq }, name) => found.push([seq, name ?? 'no number']));
    console.log(JSON.stringify([typeof WebAssembly, found]));`;
  const heads = Buffer.concat(given.map(encode)).toString('base64');
  const args = ['--jitless', '--input-type=module', '--eval', program, heads];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const found = given.map(({ seq }) => [seq, 'no number']);
  assert.deepEqual(JSON.parse(stdout), ['undefined', found]);
});

const sample: Given = {
  kind: ACK,
  recipient: 'alice',
  messageKind: '',
  words: [1, 2, 3, 4],
  chunkIndex: 0,
  seq: 1,
  ms: 1,
  deadlineMs: 0n,
  payloadBytes: 0,
};

function encode(given: Given): Buffer {
  const { kind, recipient, messageKind, words, chunkIndex, seq, ms, deadlineMs, payloadBytes } = given;
  if (kind === END) {
    const end = Buffer.alloc(44);
    writeEnd(end, 0);
    return end;
  }
  if (kind === ACK || kind === MEMORY) {
    const ack = Buffer.alloc(ackBytes(recipient));
    writeAck(ack, 0, kind, { recipient, words, chunkIndex, seq, ms });
    return ack;
  }
  const push = Buffer.alloc(pushHeadBytes(recipient, messageKind) as number);
  const meta = {
    kind: messageKind,
    totalLen: 2n ** 64n - 1n,
    chunkIndex,
    chunkCount: 2 ** 32 - 1,
    sentMs: 0n,
  };
  writePushHead(push, 0, {
    recipient,
    words,
    meta,
    seq,
    arrivalMs: ms,
    deadlineMs,
    payloadBytes,
    payloadCrc: 0,
  });
  push.writeUInt8(kind, 0);
  return push;
}

function oneByOne(heads: Buffer, count: number): RecordHead[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    const head = readHead(heads, at) as RecordHead;
    at += head.headBytes;
    return head;
  });
}
