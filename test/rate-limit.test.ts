import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultConfig, type RelayConfig } from '../src/config.ts';
import { createRateLimiter, type Endpoint } from '../src/rate-limit.ts';

type Limits = RelayConfig['rateLimit'];

const endpoints = ['push', 'pull', 'ack'] as const;

function limits(of: Partial<Limits>, rps = { all: 20, one: 10 }): Limits {
  const each = { pushRps: rps.one, pullRps: rps.one, ackRps: rps.one };
  return { ...defaultConfig.rateLimit, perIpRps: rps.all, endpoints: each, ...of };
}

/** A limiter on a clock that the test sets. */
function limiter(config: Limits) {
  const clock = { nowMs: 0 };
  const created = createRateLimiter(config);
  const take = (endpoint: Endpoint, source: string) => created.take(endpoint, source, clock.nowMs);
  const times = (count: number, endpoint: Endpoint, source = 'a'): (number | undefined)[] =>
    Array.from({ length: count }, () => take(endpoint, source));
  return { clock, take, times };
}

/** The rules as CONTRACT.md gives them, told naively. Tokens are counted in thousandths, so that all is exact. */
class Model {
  readonly #config: Limits;
  readonly #buckets = new Map<string, { tokens: number; refusals: number; banEndMs: number; atMs: number }>();

  constructor(config: Limits) {
    this.#config = config;
  }

  take(endpoint: Endpoint, source: string, nowMs: number): number | undefined {
    const pair = [
      this.#bucket(source, 'all', this.#config.perIpRps, nowMs),
      this.#bucket(source, endpoint, this.#config.endpoints[`${endpoint}Rps`], nowMs),
    ];
    const banned = pair.some(({ banEndMs }) => banEndMs > nowMs);
    if (!banned && pair.every(({ tokens }) => tokens >= 1000)) {
      for (const bucket of pair) Object.assign(bucket, { tokens: bucket.tokens - 1000, refusals: 0 });
      return undefined;
    }
    for (const bucket of banned ? [] : pair.filter(({ tokens }) => tokens < 1000)) {
      bucket.refusals += 1;
      if (bucket.refusals === this.#config.banAfter) {
        Object.assign(bucket, { refusals: 0, banEndMs: nowMs + this.#config.banSeconds * 1000 });
      }
    }
    for (let seconds = 1; ; seconds++) {
      const thenMs = nowMs + seconds * 1000;
      const granted = (b: (typeof pair)[number]) =>
        b.banEndMs <= thenMs && b.tokens + seconds * 1000 * b.rps >= 1000;
      if (pair.every(granted)) return seconds;
    }
  }

  #bucket(source: string, guard: string, rps: number, nowMs: number) {
    const key = `${guard} ${source}`;
    const full = this.#config.burst * 1000;
    const { atMs, ...last } = this.#buckets.get(key) ?? {
      tokens: full,
      refusals: 0,
      banEndMs: 0,
      atMs: nowMs,
    };
    const tokens = Math.min(full, last.tokens + (nowMs - atMs) * rps);
    const bucket = { ...last, tokens, atMs: nowMs, rps };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

test('random histories are granted and refused, and told to wait, as a plain model does', () => {
  const rps = fc.constantFrom(1, 2, 4, 5, 8, 10, 20);
  const config = fc.record({
    perIpRps: rps,
    burst: fc.integer({ min: 1, max: 5 }),
    banSeconds: fc.integer({ min: 0, max: 6 }),
    banAfter: fc.integer({ min: 1, max: 4 }),
    endpoints: fc.record({ pushRps: rps, pullRps: rps, ackRps: rps }),
  });
  const pauseMs = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 300, max: 8000 }) },
  );
  const request = fc.tuple(pauseMs, fc.constantFrom(...endpoints), fc.constantFrom('a', 'a', 'b'));
  const history = fc.array(request, { maxLength: 120, size: 'max' });
  fc.assert(
    fc.property(config, history, (drawn, requests) => {
      const given = { ...defaultConfig.rateLimit, ...drawn };
      const { clock, take } = limiter(given);
      const model = new Model(given);
      for (const [ms, endpoint, source] of requests) {
        clock.nowMs += ms;
        assert.equal(take(endpoint, source), model.take(endpoint, source, clock.nowMs));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a source has a burst at each endpoint, and is told when its next token comes', () => {
  const { clock, times } = limiter(limits({ burst: 3 }, { all: 1000, one: 1 }));
  assert.deepEqual(times(4, 'push'), [undefined, undefined, undefined, 1]);
  clock.nowMs = 3;
  assert.deepEqual(times(3, 'pull'), [undefined, undefined, undefined]);
  clock.nowMs = 1000;
  assert.deepEqual(times(2, 'push'), [undefined, 1]);
});

test('all requests of a source together have a burst, too', () => {
  const { times } = limiter(limits({ burst: 2 }));
  assert.deepEqual([...times(1, 'push'), ...times(1, 'pull'), ...times(1, 'ack')], [undefined, undefined, 1]);
});

test('sources do not touch each other', () => {
  const { times } = limiter(limits({ burst: 1 }));
  assert.deepEqual(times(2, 'pull', 'a'), [undefined, 1]);
  assert.deepEqual(times(2, 'pull', 'b'), [undefined, 1]);
});

test('a ban of one endpoint leaves the others open', () => {
  const { clock, times } = limiter(limits({ burst: 2, banAfter: 1, banSeconds: 60 }, { all: 1000, one: 1 }));
  assert.deepEqual(times(2, 'push'), [undefined, undefined]);
  clock.nowMs = 2;
  assert.deepEqual(times(1, 'push'), [60]);
  assert.deepEqual(times(1, 'ack'), [undefined]);
});

test('a ban for all requests of a source closes every endpoint', () => {
  const { times } = limiter(limits({ burst: 1, banAfter: 1, banSeconds: 60 }, { all: 1, one: 1_000_000 }));
  assert.deepEqual(times(2, 'push'), [undefined, 60]);
  assert.deepEqual([...times(1, 'pull'), ...times(1, 'ack')], [60, 60]);
});

test('a client that goes a little over the limit is never banned at the defaults', () => {
  const { clock, take } = limiter(defaultConfig.rateLimit);
  for (let i = 0; i < 6000; i++) {
    clock.nowMs += 100;
    assert.ok((take('pull', 'a') ?? 0) <= 1);
  }
});

test('tries during a ban do not prolong it, and afterwards the bucket is full', () => {
  const { clock, times } = limiter(limits({ burst: 5, banAfter: 2, banSeconds: 10 }));
  times(7, 'pull');
  clock.nowMs = 9_999;
  assert.deepEqual(times(1000, 'pull'), Array(1000).fill(1));
  clock.nowMs = 10_000;
  assert.deepEqual(times(6, 'pull'), [...Array(5).fill(undefined), 1]);
});

test('a wait is not told too long, whatever fraction of a millisecond the clock is at', () => {
  const { clock, times } = limiter(limits({ burst: 1, banAfter: 2, banSeconds: 300 }, { all: 1, one: 1 }));
  for (let i = 0; i < 1000; i++) {
    clock.nowMs = i * 0.37;
    assert.deepEqual(times(3, 'push', `${i}`), [undefined, 1, 300], `at ${clock.nowMs}`);
  }
});

test('a table that is full refuses no newcomer and forgets no ban', () => {
  const { clock, take, times } = limiter(limits({ burst: 1, banAfter: 1, banSeconds: 300 }));
  times(2, 'pull', 'banned');
  for (let i = 0; i < 300_000; i++) {
    if (i % 1000 === 0) clock.nowMs += 1;
    assert.equal(take('pull', `2001:db8:${i.toString(16)}::/64`), undefined);
  }
  assert.equal(take('pull', 'banned'), 300);
});

test('a million sources cost at most 32 MB', { skip: process.platform !== 'linux' }, () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { createRateLimiter } from '${new URL('../src/rate-limit.js', import.meta.url)}';
    import { defaultConfig } from '${new URL('../src/config.js', import.meta.url)}';
    const anonKib = () => Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    const beforeKib = anonKib();
    const { take } = createRateLimiter(defaultConfig.rateLimit);
    for (let i = 0; i < 1_000_000; i++) take('pull', (i & 255) + '.' + ((i >> 8) & 255) + '.' + (i >> 16) + '.1', 0);
    console.log(anonKib() - beforeKib);`;
  const kib = Number(
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }),
  );
  assert.ok(kib > 0 && kib <= 32 * 1024, `${kib} KiB`);
});
