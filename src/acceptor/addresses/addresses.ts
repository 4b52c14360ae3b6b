import { BlockList, isIP } from 'node:net';
import type { AddressLimit } from '../../config/load.js';
import { canonicalAddress, customerOf, isLoopback } from './spelling.js';

/** What an address is, as it was written. */
export interface LookedUp {
  /** In its one spelling; undefined for what is no address. */
  readonly address: string | undefined;
  readonly isTrusted: boolean;
}

/** Addresses that are remembered, and the longest text of one: to parse it anew takes as long as the rest of a handshake. */
const MAX_KNOWN = 10_000;
const MAX_TEXT = 64;

/** Finds the address of a client behind trusted proxies, and counts its connections. */
export class Addresses {
  readonly #trusted = new BlockList();
  /** By text, the longest known first. */
  readonly #known = new Map<string, LookedUp>();
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
    let last = this.lookUp(peer);
    let address = last.address ?? peer;
    for (let at = chain.length - 1; at >= 0 && last.isTrusted; at--) {
      last = this.lookUp(chain[at] ?? '');
      if (last.address === undefined) break;
      address = last.address;
    }
    return address;
  }

  /** @param text As it came from a socket or a header. */
  lookUp(text: string): LookedUp {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const canonical = canonicalAddress(text);
    const address = canonical === undefined ? undefined : copyOf(canonical);
    const found = { address, isTrusted: address !== undefined && this.#isTrusted(address) };
    if (text.length <= MAX_TEXT) this.#remember(copyOf(text), found);
    return found;
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

  /** Addresses that are remembered. */
  get known(): number {
    return this.#known.size;
  }

  #remember(text: string, found: LookedUp): void {
    this.#known.set(text, found);
    if (this.#known.size <= MAX_KNOWN) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  #isTrusted(address: string): boolean {
    return this.#trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** A part of a header would keep the whole of it in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

/** The limit that holds for an address, given in its one spelling; 0 = none. */
export function limitFor(limit: AddressLimit, address: string): number {
  return isLoopback(address) ? limit.loopback : limit.others;
}
