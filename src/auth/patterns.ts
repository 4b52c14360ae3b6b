/** Lists of documents in permissions: ids, and patterns that end in `*`; a leading `!` denies. */

/** An id, the beginning of ids followed by `*`, or `*`; 256 characters of an id at most. */
const pattern = /^!?(?:[A-Za-z0-9_:-]{1,256}\*?|\*)$/;

/** Whether an item of a list can match any document: `doc`, `team-1:*`, `*`, and the same with `!` in front. */
export function isPattern(item: string): boolean {
  return pattern.test(item);
}

/** Whether an item forbids, whatever it forbids. */
export function isDenial(item: string): boolean {
  return item.startsWith('!');
}

export type Matcher = (documentId: string) => boolean;

const all: Matcher = () => true;
const none: Matcher = () => false;

/**
 * Compiles a list. What is denied is not allowed, whatever else allows it; the order of the items does not matter. An
 * item that is no pattern matches nothing.
 *
 * @returns A test whose time depends on the lengths of the prefixes that occur, and not on the number of items.
 */
export function compileList(items: readonly string[]): Matcher {
  const valid = items.filter(isPattern);
  const allowed = matcherOf(valid.filter((item) => !isDenial(item)));
  const denied = matcherOf(valid.filter(isDenial).map((item) => item.slice(1)));
  if (denied === none) return allowed;
  if (allowed === none || denied === all) return none;
  return (documentId) => !denied(documentId) && allowed(documentId);
}

/** Compiles the denials of a list alone: everything is allowed but what they forbid. */
export function compileDenials(items: readonly string[]): Matcher {
  return compileList(['*', ...items.filter(isDenial)]);
}

function matcherOf(patterns: readonly string[]): Matcher {
  if (patterns.length === 0) return none;
  if (patterns.includes('*')) return all;
  const exact = new Set<string>();
  /** By their length: one look-up for each length that occurs. */
  const prefixes = new Map<number, Set<string>>();
  for (const item of patterns) {
    if (!item.endsWith('*')) {
      exact.add(item);
      continue;
    }
    const prefix = item.slice(0, -1);
    const sameLength = prefixes.get(prefix.length);
    if (sameLength === undefined) prefixes.set(prefix.length, new Set([prefix]));
    else sameLength.add(prefix);
  }
  if (prefixes.size === 0) return (documentId) => exact.has(documentId);
  const byLength = [...prefixes];
  return (documentId) =>
    exact.has(documentId) || byLength.some(([length, set]) => set.has(documentId.slice(0, length)));
}
