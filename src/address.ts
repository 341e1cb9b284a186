import { isIPv6 } from 'node:net';
import { RelayError } from './errors.ts';

export interface Address {
  /** A name or an address, without brackets. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Reads `host:port`, IPv6 in brackets. Throws `config_error`. */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new RelayError('config_error', `"${text}" is no address: give host:port, IPv6 in brackets`);
}

/** Reads `host:port`, IPv6 in brackets; undefined when it is anything else. */
export function readAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  return bracketed === undefined || isIPv6(bracketed) ? { host, port } : undefined;
}

/** A URL of what listens at `bound`, which opens from the same machine; `host` is what was asked for. */
export function urlOf(
  scheme: 'http' | 'https',
  host: string,
  bound: { address: string; port: number },
): string {
  if (bound.address === '0.0.0.0') return `${scheme}://127.0.0.1:${bound.port}`;
  if (bound.address === '::') return `${scheme}://[::1]:${bound.port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
}
