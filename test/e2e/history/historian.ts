/** Asks a server what documents were. */
import { Backend } from '../../support/nodes/backend.js';
import { token } from '../../support/nodes/fixture.js';
import type { ServerProcess } from '../../support/nodes/server.js';

export interface ActivityGroup {
  readonly user: string | null;
  readonly clients: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly changes: number;
  readonly fields: readonly {
    readonly field: string;
    readonly before?: unknown;
    readonly after?: unknown;
    readonly changes: number;
  }[];
  readonly text?: { readonly changes: number; readonly bytes: number };
}

export interface Past {
  readonly fields: Record<string, unknown>;
  readonly text?: string;
}

/** A backend of one user who may read and write everything. */
export class Historian extends Backend {
  constructor(to: Pick<ServerProcess, 'http'>, user: string) {
    super(to, token(user, { read: ['*'], write: ['*'] }));
  }

  async json<Body>(method: string, path: string, body?: object): Promise<Body> {
    const answer = await this.ask(method, path, body);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Body;
  }

  /** All groups, page by page. */
  async activity(id: string, query: Record<string, string> = {}): Promise<ActivityGroup[]> {
    const groups: ActivityGroup[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const asked = new URLSearchParams({ ...query, ...(cursor === undefined ? {} : { cursor }) }).toString();
      const page = await this.json<{ activity: ActivityGroup[]; next: string | null }>(
        'GET',
        `/documents/${id}/activity?${asked}`,
      );
      groups.push(...page.activity);
      cursor = page.next;
    }
    return groups;
  }

  async at(id: string, time: number | string): Promise<Past> {
    const { fields, text } = await this.json<Past>('GET', `/documents/${id}/at/${time}`);
    return { fields, ...(text === undefined ? {} : { text }) };
  }
}
