/**
 * Every option, resolved and checked. Names are TOML's keys in camelCase; units last.
 *
 * Integers above what a number holds exactly act as 2^53−1; a TTL is a bigint, as deadlines are exact to 2^64−1.
 */
export interface RelayConfig {
  /** `host:port`; IPv6 in brackets; port 0 takes a free one. */
  readonly address: string;
  readonly mode: 'http' | 'tls';
  readonly tls: {
    readonly certPemPath?: string;
    readonly keyPemPath?: string;
    readonly clientCaPemPath?: string;
  };
  readonly storage: { readonly kind: 'disk' | 'memory'; readonly path: string };
  readonly relay: {
    readonly maxMessageBytes: number;
    readonly maxQueueBytesPerUser: number;
    readonly maxMessagesPerUser: number;
    readonly messageTtlSeconds: bigint;
    readonly gcIntervalSeconds: number;
    readonly pullBatchMax: number;
    readonly dedupWindowSeconds: number;
    readonly pullPageBytesMax: number;
    readonly maxMessagesTotal: number;
  };
  readonly rateLimit: {
    readonly enabled: boolean;
    readonly perIpRps: number;
    readonly burst: number;
    readonly banSeconds: number;
    readonly banAfter: number;
    /** Addresses or CIDR blocks. */
    readonly trustedProxies: readonly string[];
    readonly endpoints: { readonly pushRps: number; readonly pullRps: number; readonly ackRps: number };
  };
  readonly metrics: { readonly enabled: boolean; readonly address: string };
  readonly log: { readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' };
}

export const defaultConfig: RelayConfig = {
  address: '127.0.0.1:0',
  mode: 'http',
  tls: {},
  storage: { kind: 'disk', path: './relay_db' },
  relay: {
    maxMessageBytes: 8_388_608,
    maxQueueBytesPerUser: 1_073_741_824,
    maxMessagesPerUser: 200_000,
    messageTtlSeconds: 1_209_600n,
    gcIntervalSeconds: 60,
    pullBatchMax: 256,
    dedupWindowSeconds: 600,
    pullPageBytesMax: 4_194_304,
    maxMessagesTotal: 1_000_000,
  },
  rateLimit: {
    enabled: true,
    perIpRps: 20,
    burst: 40,
    banSeconds: 300,
    banAfter: 100,
    trustedProxies: [],
    endpoints: { pushRps: 10, pullRps: 5, ackRps: 10 },
  },
  metrics: { enabled: false, address: '127.0.0.1:9464' },
  log: { level: 'info' },
};
