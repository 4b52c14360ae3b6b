/** Finds variables that were probably meant for the server and do nothing. */
import type { Variable } from './variable.js';

/** Shorter names are too similar to others by chance. */
const LEAST_LENGTH = 7;

/** Those of the command line alone. */
const ofCommands = new Set(['SYNCKIT_URL', 'SYNCKIT_TOKEN']);

/** @returns A sentence for each. */
export function unknownVariables(env: NodeJS.ProcessEnv, variables: readonly Variable[]): string[] {
  const known = variables.map(({ name }) => name);
  return Object.keys(env).flatMap((name) => {
    if (known.includes(name) || ofCommands.has(name)) return [];
    const meant = nearest(name, known);
    if (meant !== undefined) {
      return [`${name} is not a variable of this server and has no effect. Is ${meant} meant?`];
    }
    return name.startsWith('SYNCKIT_') ? [`${name} is not a variable of this server and has no effect.`] : [];
  });
}

/** A name that becomes this one by one change, or by two where it is long. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length < LEAST_LENGTH || name !== name.toUpperCase()) return undefined;
  const most = name.length < LEAST_LENGTH + 3 ? 1 : 2;
  return known.find((other) => Math.abs(other.length - name.length) <= most && distance(name, other) <= most);
}

/** Inserted, removed and replaced characters that make one text the other (Levenshtein). */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
