/** The token of a page: from `#token=` of its address or typed in, and kept as long as the tab. */

export class TokenStore {
  readonly #key: string;

  /** @param key Under which the tab keeps it. */
  constructor(key: string) {
    this.#key = key;
  }

  /** Undefined when there is none. */
  get token(): string | undefined {
    return sessionStorage.getItem(this.#key) ?? undefined;
  }

  set token(token: string | undefined) {
    if (token === undefined || token === '') sessionStorage.removeItem(this.#key);
    else sessionStorage.setItem(this.#key, token);
  }

  /** Takes the token from the address, so that it is not shown there and not shared with it. */
  takeFromAddress(): void {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const token = fragment.get('token');
    if (token === null) return;
    this.token = token;
    fragment.delete('token');
    const rest = fragment.toString();
    history.replaceState(null, '', `${location.pathname}${location.search}${rest === '' ? '' : `#${rest}`}`);
  }
}
