import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = [Address, number];

/**
 * Tells whom a request counts against: gives a function from the peer's address and its `X-Forwarded-For` to the
 * source's key, which is an IPv4 address, or the /64 of an IPv6 address, in one spelling each.
 *
 * From a trusted peer the last address of the header that is not itself trusted counts; if there is none, or one on
 * the way there is no address (a port makes it none), the peer's. From others the header means nothing.
 *
 * @param trustedProxies addresses or CIDR blocks, as `resolveConfig` lets through
 */
export function createSourceResolver(
  trustedProxies: readonly string[],
): (peer: string, forwardedFor: string | undefined) => string {
  const trusted = trustedProxies.map(blockOf);
  if (trusted.length === 0) return sourceKey;
  return (peer, forwardedFor) => {
    if (forwardedFor === undefined) return sourceKey(peer);
    const address = parseAddress(peer);
    if (address === undefined || !isIn(trusted, address)) return sourceKey(peer);
    return forwardedSource(trusted, forwardedFor) ?? sourceKey(peer);
  };
}

/** The key of an address: itself for IPv4, the IPv4 address of a mapped one, the /64 of others. */
function sourceKey(text: string): string {
  if (!text.includes(':')) return text;
  const mapped = text.startsWith(MAPPED) ? text.slice(MAPPED.length) : '';
  if (isIPv4(mapped)) return mapped;
  const address = parseAddress(text);
  return address === undefined ? text : keyOf(address);
}

/** How Node spells the address of an IPv4 peer on a socket that takes both families. */
const MAPPED = '::ffff:';

function blockOf(text: string): Block {
  const [address, bits] = ipaddr.parseCIDR(withBits(text.replace(/%[^/]*/, '')));
  // A block of mapped addresses means IPv4 ones, as that is what peers in it become.
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
  return mapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
}

function withBits(text: string): string {
  if (text.includes('/')) return text;
  return text.includes(':') ? `${text}/128` : `${text}/32`;
}

function forwardedSource(trusted: readonly Block[], forwardedFor: string): string | undefined {
  for (const text of forwardedFor.split(',').reverse()) {
    const address = parseAddress(text.trim());
    if (address === undefined) return undefined;
    if (!isIn(trusted, address)) return keyOf(address);
  }
  return undefined;
}

/** Node decides what an address is, as `ipaddr.js` takes 010.1 and 0x7f.1 too, and not every zone (`%eth0`). */
function parseAddress(text: string): Address | undefined {
  return isIP(text) === 0 ? undefined : ipaddr.process(text.replace(/%.*/, ''));
}

function isIn(blocks: readonly Block[], address: Address): boolean {
  return blocks.some(([block, bits]) => block.kind() === address.kind() && address.match(block, bits));
}

function keyOf(address: Address): string {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const network = address.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}
