/** What was written and is not acknowledged, kept by the tab: a reload while the server is away loses nothing. */
import type { Write } from './field-store.js';

export interface Unsent {
  readonly writes: readonly Write[];
  /** The state of the text; undefined when all of it is stored. */
  readonly text?: string | undefined;
}

export class UnsentStore {
  readonly #key: string;

  constructor(documentId: string) {
    this.#key = `synckit.playground.unsent ${documentId}`;
  }

  /** Undefined when there is nothing. */
  load(): Unsent | undefined {
    const kept = sessionStorage.getItem(this.#key);
    return kept === null ? undefined : (JSON.parse(kept) as Unsent);
  }

  /** @returns False when it is too much for the tab. */
  save(unsent: Unsent): boolean {
    try {
      if (unsent.writes.length === 0 && unsent.text === undefined) sessionStorage.removeItem(this.#key);
      else sessionStorage.setItem(this.#key, JSON.stringify(unsent));
      return true;
    } catch {
      return false;
    }
  }
}
