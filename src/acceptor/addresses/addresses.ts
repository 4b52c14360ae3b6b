import { BlockList, isIP } from 'node:net';
import type { AddressLimit } from '../../config/load.js';
import { canonicalAddress, customerOf, isLoopback } from './spelling.js';

/** Finds the address of a client behind trusted proxies, and counts its connections. */
export class Addresses {
  readonly #trusted = new BlockList();
  /** By customer. */
  readonly #open = new Map<string, number>();
  readonly #limit: AddressLimit;

  /**
   * @param trustedProxies Addresses or CIDR blocks that are believed for whom they ask.
   * @param limit Connections.
   */
  constructor(trustedProxies: readonly string[], limit: AddressLimit) {
    this.#limit = limit;
    for (const proxy of trustedProxies) {
      const [address = '', prefix] = proxy.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /**
   * The address of the client, in its one spelling: going back from the peer, the first address that is no trusted proxy.
   *
   * @param peer Address of the TCP connection. @param chain What the proxies have noted, the client's first.
   */
  resolve(peer: string, chain: readonly string[]): string {
    let address = canonicalAddress(peer) ?? peer;
    for (let at = chain.length - 1; at >= 0 && this.isTrusted(address); at--) {
      const next = canonicalAddress(chain[at] ?? '');
      if (next === undefined) break;
      address = next;
    }
    return address;
  }

  /** Counts a new connection. @returns False, without counting it, when what one customer holds is at the limit. */
  enter(address: string): boolean {
    const customer = customerOf(address);
    const open = this.#open.get(customer) ?? 0;
    const limit = limitFor(this.#limit, address);
    if (limit > 0 && open >= limit) return false;
    this.#open.set(customer, open + 1);
    return true;
  }

  /** Counts a connection that has closed. */
  leave(address: string): void {
    const customer = customerOf(address);
    const open = this.#open.get(customer) ?? 0;
    if (open > 1) this.#open.set(customer, open - 1);
    else this.#open.delete(customer);
  }

  /** @param address In its one spelling. */
  isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** The limit that holds for an address, given in its one spelling; 0 = none. */
export function limitFor(limit: AddressLimit, address: string): number {
  return isLoopback(address) ? limit.loopback : limit.others;
}
