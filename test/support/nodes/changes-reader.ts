/** A reader of the feed of changes by HTTP. */
import { token } from './fixture.js';
import type { ServerProcess } from './server.js';

export interface ChangesAnswer {
  readonly changes: readonly {
    readonly documentId: string;
    readonly kind: string;
    readonly commit: number;
    readonly at: string;
  }[];
  readonly cursor: string;
  readonly hasMore: boolean;
}

/** @throws Error with the status and the body of a refusal. */
export async function readChanges(
  { http }: Pick<ServerProcess, 'http'>,
  query: Readonly<Record<string, string | number>> = {},
  credential = token('root', { admin: true }),
): Promise<ChangesAnswer> {
  const text = Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]);
  const headers = { Authorization: `Bearer ${credential}` };
  const answer = await fetch(`${http}/changes?${new URLSearchParams(text).toString()}`, { headers });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${body}`);
  return JSON.parse(body) as ChangesAnswer;
}

/** Entries in words, without the numbers of the commits. */
export function inWords({ changes }: ChangesAnswer): string[] {
  return changes.map(({ documentId, kind }) => `${documentId} ${kind}`);
}

/** Follows the feed, on whatever node, and checks that no document goes back. */
export class ChangesReader {
  /** The last commit that was seen of each document. */
  readonly commits = new Map<string, number>();
  cursor: string | undefined;

  /** Reads until there is no more. */
  async read(from: Pick<ServerProcess, 'http'>, limit = 7): Promise<void> {
    for (;;) {
      const page = await readChanges(from, { limit, ...(this.cursor === undefined ? {} : { cursor: this.cursor }) });
      for (const { documentId, commit } of page.changes) {
        const before = this.commits.get(documentId) ?? 0;
        if (commit <= before) throw new Error(`${documentId} goes from ${before} to ${commit}`);
        this.commits.set(documentId, commit);
      }
      this.cursor = page.cursor;
      if (!page.hasMore) return;
    }
  }
}
