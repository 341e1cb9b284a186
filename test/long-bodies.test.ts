import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestRelay } from './helpers.ts';
import { connectRaw, request } from './raw.ts';

const PULLS = 20;

const fill = (before: string, unit: string, after: string): string =>
  before + unit.repeat(8_000_000 / unit.length) + after;

/** Long bodies by what is long in them. They lack a field, but that shows only at their ends. */
const bodies: Readonly<Record<string, string>> = {
  'an unknown array': fill('{"x":[', '1,', '1]}'),
  'unknown keys': fill('{', '"k":1,', '"k":1}'),
  'an escaped string': fill('{"x":"', '\\u0041', '"}'),
  'a list': fill('{"ack":[', '{"message_id":"00000000-0000-4000-8000-000000000001","chunk_index":0},', '0]}'),
};

for (const path of ['/push', '/pull', '/ack']) {
  for (const [what, body] of Object.entries(bodies)) {
    test(`pulls of others are answered while ${path} reads megabytes of ${what}`, async (t) => {
      const relay = await startTestRelay(t);
      const [long, other] = [await connectRaw(t, relay), await connectRaw(t, relay)];
      const pull = async (): Promise<void> => {
        other.send(request('/pull', '{"recipient":"alice"}'));
        assert.equal((await other.answer()).status, 200);
      };
      let isAnswered = false;
      const answered = long.answer().then((answer) => {
        isAnswered = true;
        return answer;
      });
      // Everything but the end has come when it comes, so that nothing is waited for but the reading of it.
      await new Promise((sent) => long.socket.write(request(path, body.slice(0, -1), [], body.length), sent));
      for (let number = 0; number < PULLS; number++) await pull();
      long.send(body.slice(-1));
      for (let number = 0; number < PULLS; number++) await pull();
      assert.equal(isAnswered, false);
      assert.equal((await answered).status, 400);
    });
  }
}
