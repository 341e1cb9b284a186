import {
  type Check,
  count,
  directory,
  durationSeconds,
  exactSeconds,
  flag,
  intervalSeconds,
  listenAddress,
  oneOf,
  payloadBytes,
  pemFile,
  rate,
  sources,
  storageKind,
} from './option-checks.ts';

/** One row of the table of options. */
export interface Option<Value> {
  readonly default: Value;
  readonly check: Check<Value>;
  /** '' where a value has none. */
  readonly unit: string;
  /** What it is for, for operators. */
  readonly sentence: string;
}

export type OptionTable = { readonly [key: string]: Option<unknown> | OptionTable };

/**
 * Every option of the relay, once. The types of a configuration, its checks, `--print-config`, the tables in `docs/`
 * and the names that are suggested for a misspelled one all come from here. Keys are TOML's in camelCase.
 */
export const options = {
  address: option(
    '127.0.0.1:0',
    listenAddress,
    '',
    'Where the relay listens; port 0 takes a free one, 0.0.0.0 and [::] take every interface.',
  ),
  mode: option('http', oneOf('http', 'tls'), '', 'Plain HTTP, or HTTPS with [tls].'),
  plainReader: option(
    true,
    flag,
    '',
    'Whether plain requests are read straight from the socket; false leaves all to the slower HTTP server of Node.',
  ),
  tls: {
    certPemPath: option(
      undefined,
      pemFile('./cert.pem', { required: true }),
      '',
      'The certificate and its chain; read again on SIGHUP.',
    ),
    keyPemPath: option(
      undefined,
      pemFile('./key.pem', { required: true }),
      '',
      'Its private key: PKCS#8, SEC1 (EC) or PKCS#1 (RSA).',
    ),
    clientCaPemPath: option(
      undefined,
      pemFile('./ca.pem', { required: false }),
      '',
      'When given, clients must present a certificate of this CA (mTLS).',
    ),
  },
  storage: {
    kind: option(
      'disk',
      storageKind,
      '',
      'Where messages are kept: "disk" survives a power cut, "memory" nothing. "sled" means "disk".',
    ),
    path: option('./relay_db', directory, '', 'The directory of the disk store; made when it is missing.'),
  },
  relay: {
    maxMessageBytes: option(
      8_388_608,
      payloadBytes,
      'bytes',
      'The largest payload of one message; acts as 201,277,440 (a body of 256 MiB) at most.',
    ),
    maxQueueBytesPerUser: option(1_073_741_824, count, 'bytes', 'Payload that may wait for one recipient.'),
    maxMessagesPerUser: option(200_000, count, 'messages', 'Messages that may wait for one recipient.'),
    messageTtlSeconds: option(
      1_209_600n,
      exactSeconds,
      'seconds',
      'How long a message waits before it expires; 0 makes everything expire at once.',
    ),
    gcIntervalSeconds: option(
      60,
      intervalSeconds,
      'seconds',
      'How often what has expired is removed; acts as 2,147,483 (almost 25 days) at most.',
    ),
    pullBatchMax: option(256, count, 'messages', 'The most messages on one page of a pull.'),
    dedupWindowSeconds: option(
      600,
      durationSeconds,
      'seconds',
      'How long an acked message is remembered, so that a late retry of its push is a duplicate; 0: not.',
    ),
    pullPageBytesMax: option(
      4_194_304,
      count,
      'bytes',
      'The most payload on one page of a pull, which always holds one message at least.',
    ),
    maxMessagesTotal: option(
      1_000_000,
      count,
      'messages',
      'Messages and remembered acks in the whole store, which bounds its memory; the oldest acks give way to new messages.',
    ),
  },
  rateLimit: {
    enabled: option(true, flag, '', 'Whether pushes, pulls and acks are limited by source address.'),
    perIpRps: option(20, rate, 'requests/s', 'Requests that one source may make in a second, on average.'),
    burst: option(40, rate, 'requests', 'How many of them may come at once: the capacity of each bucket.'),
    banSeconds: option(
      300,
      durationSeconds,
      'seconds',
      'How long a source that goes on while it is refused is banned, from what refuses it: a route, or all; 0: never.',
    ),
    banAfter: option(100, count, 'refusals', 'Refusals in a row until a ban.'),
    trustedProxies: option(
      Object.freeze([]),
      sources,
      '',
      'Proxies whose X-Forwarded-For is believed: IP addresses or CIDR blocks.',
    ),
    endpoints: {
      pushRps: option(10, rate, 'requests/s', 'The same as per_ip_rps, for /push alone.'),
      pullRps: option(5, rate, 'requests/s', 'The same, for /pull alone.'),
      ackRps: option(10, rate, 'requests/s', 'The same, for /ack alone.'),
    },
  },
  metrics: {
    enabled: option(false, flag, '', 'Whether /stats counts, and whether Prometheus can scrape /metrics.'),
    address: option(
      '127.0.0.1:9464',
      listenAddress,
      '',
      'Where /metrics listens, apart from the relay itself; port 0 takes a free one.',
    ),
  },
  log: {
    level: option(
      'info',
      oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
      '',
      'The least severe event that is logged, to stderr.',
    ),
  },
};

function option<Value>(
  value: NoInfer<Value>,
  check: Check<Value>,
  unit: string,
  sentence: string,
): Option<Value> {
  return { default: value, check, unit, sentence };
}

export function isOption(row: Option<unknown> | OptionTable): row is Option<unknown> {
  return 'check' in row;
}

/** Every option with the path to it, in order. */
export function listOptions(
  table: OptionTable = options,
  path: readonly string[] = [],
): { path: readonly string[]; option: Option<unknown> }[] {
  return Object.entries(table).flatMap(([key, row]) => {
    const rowPath = [...path, key];
    return isOption(row) ? [{ path: rowPath, option: row }] : listOptions(row, rowPath);
  });
}
