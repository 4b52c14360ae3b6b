import { isIP } from 'node:net';

/**
 * The one spelling of an address that is compared and counted: IPv4 with dots, also where it was written as IPv6; IPv6
 * in lower case with all groups. A port, brackets, quotes and a zone are dropped.
 *
 * @returns Undefined for what is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const bare = withoutPort(text.trim().replace(/^"(.*)"$/, '$1'));
  switch (isIP(bare)) {
    case 4:
      return bare;
    case 6:
      return canonicalIpv6(bare);
    default:
      return undefined;
  }
}

/** What one customer holds: an IPv4 address, or the /64 of an IPv6 address. @param address In its one spelling. */
export function customerOf(address: string): string {
  return address.includes(':') ? `${address.split(':').slice(0, 4).join(':')}::/64` : address;
}

/** @param address In its one spelling. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '0:0:0:0:0:0:0:1';
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1];
  return bracketed ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

function canonicalIpv6(text: string): string {
  const groups = groupsOf(text.replace(/%.*$/s, ''));
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  return groups.map((group) => group.toString(16)).join(':');
}

/** The eight groups of an address that `isIP` takes for IPv6. */
function groupsOf(text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
    return groupsOf(`${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const [front = '', back] = text.split('::');
  const parse = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  if (back === undefined) return parse(front);
  const [before, after] = [parse(front), parse(back)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
