import { BlockList, isIP } from 'node:net';

/** Counts connections per client address, and finds that address behind trusted proxies. */
export class Addresses {
  readonly #trusted = new BlockList();
  readonly #open = new Map<string, number>();
  readonly #maxPerAddress: number;

  /**
   * @param trustedProxies Addresses or CIDR blocks whose `X-Forwarded-For` is trusted.
   * @param maxPerAddress Connections; 0 = no limit.
   */
  constructor(trustedProxies: readonly string[], maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress;
    for (const proxy of trustedProxies) {
      const [address = '', prefix] = proxy.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /**
   * The address of the client: going back from the peer, the first address that is no trusted proxy.
   *
   * @param peer Address of the TCP connection. @param forwardedFor The header, or the empty string.
   */
  resolve(peer: string, forwardedFor: string): string {
    let address = normalise(peer);
    const chain = forwardedFor.split(',').map((part) => normalise(part.trim()));
    while (this.#isTrusted(address)) {
      const next = chain.pop();
      if (next === undefined || isIP(next) === 0) break;
      address = next;
    }
    return address;
  }

  /** Counts a new connection. @returns False, without counting it, when its address is at the limit. */
  enter(address: string): boolean {
    const open = this.#open.get(address) ?? 0;
    if (this.#maxPerAddress > 0 && open >= this.#maxPerAddress) return false;
    this.#open.set(address, open + 1);
    return true;
  }

  /** Counts a connection that has closed. */
  leave(address: string): void {
    const open = this.#open.get(address) ?? 0;
    if (open > 1) this.#open.set(address, open - 1);
    else this.#open.delete(address);
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** uWS writes the IPv4 peers of a dual-stack socket as IPv6, with all zeros. */
function normalise(address: string): string {
  const mapped = /^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i.exec(address);
  if (mapped !== null)
    return mapped
      .slice(1)
      .map((byte) => parseInt(byte, 16))
      .join('.');
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
