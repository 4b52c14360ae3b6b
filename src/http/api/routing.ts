import type { Route } from './route.js';

export interface Found {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The route of a request; or the methods of its path, none for a path that there is not. */
export type Matched = Found | { readonly methods: readonly string[] };

interface Pattern {
  readonly route: Route;
  readonly parts: readonly string[];
}

/** Finds routes by their paths, in which a part in braces stands for any. */
export class Routing {
  readonly #patterns: readonly Pattern[];

  /** @param routes Those with fewer parameters come before others that match the same paths. */
  constructor(routes: readonly Route[]) {
    this.#patterns = routes.map((route) => ({ route, parts: route.spec.path.split('/') }));
  }

  /** @param method In lower case; `head` finds what `get` does. */
  find(method: string, path: string): Matched {
    const parts = path.split('/');
    const methods: string[] = [];
    for (const { route, parts: pattern } of this.#patterns) {
      const parameters = match(pattern, parts);
      if (parameters === undefined) continue;
      if (route.spec.method === (method === 'head' ? 'get' : method)) return { route, parameters };
      methods.push(route.spec.method.toUpperCase());
    }
    return { methods };
  }
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, wanted] of pattern.entries()) {
    const given = parts[i] ?? '';
    if (wanted.startsWith('{')) parameters[wanted.slice(1, -1)] = decode(given);
    else if (wanted !== given) return undefined;
  }
  return parameters;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
