/** The blocks of code in the documentation, for tests that run them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../src/version.js';

/** The code blocks of a page in a language. @param page Path within the repository. */
export function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(packageFolder, page), 'utf8');
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm')), ([, block = '']) => block);
}

/** The one that has these words. @throws When there are none or several. */
export function block(page: string, language: string, words: string): string {
  const found = blocks(page, language).filter((text) => text.includes(words));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks with ${words}`);
  return found[0]!;
}

/** The commands of a `console` block: what stands behind the prompt. */
export function commandsOf(console: string): string[] {
  return Array.from(console.matchAll(/^\$ (.+)$/gm), ([, command = '']) => command);
}
