import type { HttpRequest } from 'uWebSockets.js';

/** In which header trusted proxies say for whom they ask. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

/**
 * The addresses that the proxies of a request have noted, the client's first. A proxy may add a line of its own instead
 * of adding to the one that came, so all lines count, in their order.
 */
export function forwardedFor(request: Pick<HttpRequest, 'forEach'>, header: ForwardedHeader): string[] {
  const lines: string[] = [];
  request.forEach((name, value) => {
    if (name === header) lines.push(value);
  });
  if (lines.length === 0) return [];
  const chain = lines.join(',');
  return header === 'forwarded' ? elementsOf(chain, ',').map(forOf) : chain.split(',');
}

/** The `for` of an element of `Forwarded` (RFC 7239); the empty string when it has none. */
function forOf(element: string): string {
  for (const pair of elementsOf(element, ';')) {
    const [, name, value = ''] = /^\s*([^=\s]+)=(.*?)\s*$/s.exec(pair) ?? [];
    if (name?.toLowerCase() === 'for') return value;
  }
  return '';
}

/** Splits where the separator is not inside quotes. */
function elementsOf(text: string, separator: ',' | ';'): string[] {
  const elements: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '\\') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      elements.push(text.slice(start, at));
      start = at + 1;
    }
  }
  elements.push(text.slice(start));
  return elements;
}
