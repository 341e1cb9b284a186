import { isIP } from 'node:net';
import { readAddress } from './address.ts';
import { RelayError } from './errors.ts';

/** What the value of an option may be. */
export interface Check<Value> {
  /** Reads on after "must be". */
  readonly allowed: string;
  /** Shown where a file would hold a value that has no default. */
  readonly example?: Value;
  /** The value as the relay uses it, undefined when it is not allowed. Every integer comes as a bigint, so that a float can be told from it. */
  read(value: unknown): Value | undefined;
  /** Refuses values that are wrong only together with others. */
  suits?(value: Value | undefined, whole: Whole): boolean;
}

/** What of a configuration other options depend on. */
export interface Whole {
  readonly mode: 'http' | 'tls';
  readonly rateLimit: { readonly enabled: boolean };
}

const I64_MAX = 2n ** 63n - 1n;
const U32_MAX = 2n ** 32n - 1n;

/** Counts in milliseconds, from now, up to a moment that a number still holds exactly. */
const DURATION_SECONDS_MAX = 9_000_000_000_000;

/** Operators write 2^63−1 for "unlimited": what is above `effectiveMax` acts as it. */
function integer(min: 0 | 1, effectiveMax: number = Number.MAX_SAFE_INTEGER): Check<number> {
  return {
    allowed: `an integer from ${min} to ${I64_MAX}`,
    read: (value) =>
      isWithin(value, BigInt(min), I64_MAX) ? Math.min(Number(value), effectiveMax) : undefined,
  };
}

export const count = integer(1);

/** What a body may have besides the payload. */
export const ENVELOPE_BYTES = 65_536;

/** Base64 makes 4 bytes of 3: the largest body is 256 MiB. */
export const payloadBytes = integer(1, ((2 ** 28 - ENVELOPE_BYTES) / 4) * 3);

export const durationSeconds = integer(0, DURATION_SECONDS_MAX);

/** Node's timers count 2^31−1 milliseconds at most: almost 25 days. */
export const intervalSeconds = integer(1, Math.floor((2 ** 31 - 1) / 1000));

/** Exact to the last digit, as deadlines are: they end at 2^64−1 milliseconds. */
export const exactSeconds: Check<bigint> = {
  allowed: `an integer from 0 to ${I64_MAX}`,
  read: (value) => (isWithin(value, 0n, I64_MAX) ? value : undefined),
};

/** Of a token bucket; an old file may hold 0 where limits are off. */
export const rate: Check<number> = {
  allowed: `an integer from 1 to ${U32_MAX} (0 only while rate limits are off)`,
  read: (value) => (isWithin(value, 0n, U32_MAX) ? Number(value) : undefined),
  suits: (value, { rateLimit }) => value !== 0 || !rateLimit.enabled,
};

export const flag: Check<boolean> = {
  allowed: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

export const listenAddress: Check<string> = {
  allowed: 'host:port, for example "127.0.0.1:7000" or "[::1]:7000"',
  read: (value) => (typeof value === 'string' && readAddress(value) !== undefined ? value : undefined),
};

export const directory: Check<string> = {
  allowed: 'the path of a directory',
  read: (value) => (isPath(value) ? value : undefined),
};

export function pemFile(example: string, { required }: { required: boolean }): Check<string | undefined> {
  return {
    allowed: required ? 'the path of a PEM file, needed in mode "tls"' : 'the path of a PEM file',
    example,
    read: (value) => (isPath(value) ? value : undefined),
    suits: (value, { mode }) => value !== undefined || !required || mode !== 'tls',
  };
}

export const sources: Check<readonly string[]> = {
  allowed: 'a list of IP addresses or CIDR blocks, for example ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]',
  read: (value) =>
    Array.isArray(value) && value.every(isAddressOrBlock) ? Object.freeze([...value]) : undefined,
};

export function oneOf<const Name extends string>(...names: Name[]): Check<Name> {
  return {
    allowed: `one of ${names.map((name) => `"${name}"`).join(', ')}`,
    read: (value) => names.find((name) => name === value),
  };
}

const storeKind = oneOf('disk', 'memory');

/** An old relay's file says "sled" and means its disk store. */
export const storageKind: Check<'disk' | 'memory'> = {
  ...storeKind,
  read(value) {
    if (value === 'postgres') {
      throw new RelayError(
        'feature_disabled',
        'storage.kind = "postgres" is not available yet: use "disk" or "memory"',
      );
    }
    return storeKind.read(value === 'sled' ? 'disk' : value);
  },
};

function isWithin(value: unknown, min: bigint, max: bigint): value is bigint {
  return typeof value === 'bigint' && value >= min && value <= max;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function isAddressOrBlock(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}
