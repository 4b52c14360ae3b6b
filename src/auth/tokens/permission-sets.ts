import type { Permissions } from '../permissions.js';
import { readPermissions } from './claims.js';

/** Sets that are remembered, and the longest text of one. */
const MAX_SETS = 1_000;
const MAX_LENGTH = 1_024;

/** Reads permissions. Many users have the same: these have one object, which is checked and compiled once. */
export class PermissionSets {
  /** By the text of their claim, the longest known first. */
  readonly #known = new Map<string, Permissions>();

  /** Sets that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** As `readPermissions` does. */
  readonly read = (claim: unknown): Permissions | undefined => {
    const text = JSON.stringify(claim) as string | undefined;
    if (text === undefined || text.length > MAX_LENGTH) return readPermissions(claim);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const permissions = readPermissions(claim);
    if (permissions !== undefined) this.#remember(text, permissions);
    return permissions;
  };

  #remember(text: string, permissions: Permissions): void {
    this.#known.set(text, permissions);
    if (this.#known.size <= MAX_SETS) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
