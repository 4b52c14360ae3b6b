import { BlockList, isIP } from 'node:net';

/** Connections per address, and who may say that a connection comes from elsewhere. */
export class Addresses {
  readonly #trusted = new BlockList();
  readonly #open = new Map<string, number>();
  readonly #maxPerAddress: number;

  /**
   * @param trustedProxies Addresses or CIDR ranges whose `X-Forwarded-For` is believed.
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
   * Where a client really is: the last address in the chain that no trusted proxy vouches for.
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

  /** Counts a connection in; false when its address has as many as it may. */
  enter(address: string): boolean {
    const open = this.#open.get(address) ?? 0;
    if (this.#maxPerAddress > 0 && open >= this.#maxPerAddress) return false;
    this.#open.set(address, open + 1);
    return true;
  }

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

/** uWS writes IPv4 peers of a dual-stack socket as IPv6, and both without shortening zeros. */
function normalise(address: string): string {
  const mapped = /^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i.exec(address);
  if (mapped !== null)
    return mapped
      .slice(1)
      .map((byte) => parseInt(byte, 16))
      .join('.');
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
