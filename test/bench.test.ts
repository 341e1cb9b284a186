import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerReader } from '../bench/answer.ts';
import { chart } from '../bench/chart.ts';
import { median, percentile } from '../bench/figures.ts';
import { verdicts } from '../bench/goals.ts';
import { pace } from '../bench/pace.ts';
import { PushTemplate } from '../bench/requests.ts';
import { drain, emptyPulls } from '../bench/scripts.ts';

test('the reader gives each answer whole, however it was cut', () => {
  const bodies = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 400 }), (texts, pieceBytes) => {
      const reader = new AnswerReader();
      for (const text of texts) {
        const answers = pieces(answerBytes(text), pieceBytes).map((piece) => reader.read(piece));
        const answer = answers.pop();
        assert.equal(answer?.status, 200);
        assert.equal(answer?.body.toString(), text);
        assert.ok(answers.every((early) => early === undefined));
      }
    }),
  );
});

test('the reader refuses bytes that no request asked for', () => {
  const twice = Buffer.concat([answerBytes('{}'), answerBytes('{}')]);
  assert.throws(() => new AnswerReader().read(twice), /bytes after the answer/);
});

test('every push of a template is a whole request with an id of its own', () => {
  const template = new PushTemplate(10);
  const recipient = 'ab'.repeat(32);
  const bodies = [1, 2, 3].map(() => {
    const [head = '', body = ''] = template.next(recipient).toString().split('\r\n\r\n');
    assert.match(head, new RegExp(`Content-Length: ${body.length}$`));
    return JSON.parse(body);
  });
  assert.equal(new Set(bodies.map((body) => body.message_id)).size, 3);
  assert.ok(bodies.every((body) => body.recipient === recipient));
});

test('a drain fails on a page that is not full, and on an ack that deleted too little', () => {
  const page = '{"items":[{"message_id":"00000000-0000-0000-0000-000000000001"}],"next_cursor":null}';
  const short = drain('a', 2);
  short.next();
  assert.throws(() => short.check(answer(page)), /a page of 1 instead of 2/);
  const lossy = drain('a', 1);
  lossy.next();
  lossy.check(answer(page));
  lossy.next();
  assert.throws(() => lossy.check(answer('{"deleted":0,"missing":1}')), /expected 200 with "deleted":1/);
});

test('at a fixed pace a latency counts from when its request was due, however late it was sent', async (t) => {
  let requests = 0;
  const stalledMs = 200;
  const server = createServer((socket) => {
    socket.on('data', () => {
      requests++;
      const reply = () => socket.write(answerBytes('{"items":[]}'));
      if (requests === 1) setTimeout(reply, stalledMs);
      else reply();
    });
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const load = await pace({ url, pid: undefined }, [emptyPulls('a')], 100, 0.2);
  assert.equal(load.requests, 20);
  // The second was due 10 ms after the first, and could only be sent when that was answered.
  const [first = 0, second = 0] = load.latenciesMs;
  assert.ok(first >= stalledMs - 1);
  assert.ok(second >= stalledMs - 12);
});

test('a goal is reached on its own side of the line, and the chart says which is not', () => {
  const judged = verdicts([
    { name: 'drain', figures: { lastToFirst: 1 } },
    { name: 'expiry', figures: { busyToQuiet: 2.5 } },
    { name: 'push-1', failure: 'no disk' },
  ]);
  assert.deepEqual(
    judged.map(({ scenario, reached }) => [scenario, reached]),
    [
      ['push-1', false],
      ['drain', true],
      ['expiry', false],
    ],
  );
  const svg = chart(judged, 'a & b < c');
  assert.equal(svg.match(/<rect/g)?.length, 3);
  assert.equal(svg.match(/not reached/g)?.length, 2);
  assert.match(svg, /a &amp; b &lt; c/);
});

test('percentiles and medians are those of the sorted values', () => {
  assert.equal(percentile([5, 1, 4, 2, 3], 0.5), 3);
  assert.equal(percentile([5, 1, 4, 2, 3], 0.99), 5);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

function answerBytes(body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function answer(body: string) {
  return { status: 200, head: '', body: Buffer.from(body) };
}

function pieces(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
}
