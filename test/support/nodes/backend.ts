/** A backend that manages documents by HTTP, with a token of an administrator. */
import { token } from './fixture.js';
import type { ServerProcess } from './server.js';

export interface ListedPage {
  readonly documents: {
    readonly id: string;
    readonly created: string;
    readonly updated: string;
    readonly deleted?: string;
  }[];
  readonly next: string | null;
}

export class Backend {
  readonly #http: string;
  readonly #headers: Record<string, string>;

  constructor({ http }: Pick<ServerProcess, 'http'>, credential = token('root', { admin: true })) {
    this.#http = http;
    this.#headers = { Authorization: `Bearer ${credential}` };
  }

  ask(method: string, path: string, body?: object): Promise<Response> {
    const headers = body === undefined ? this.#headers : { ...this.#headers, 'Content-Type': 'application/json' };
    return fetch(this.#http + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }

  /** The status of an answer, and the code of a refusal. */
  async status(method: string, path: string, body?: object): Promise<string> {
    const answer = await this.ask(method, path, body);
    const text = await answer.text();
    const code = answer.status < 400 ? '' : ` ${(JSON.parse(text) as { code: string }).code}`;
    return `${answer.status}${code}`;
  }

  /** The fields of a document. @throws When there is none. */
  async fields(id: string): Promise<Record<string, unknown>> {
    const answer = await this.ask('GET', `/documents/${id}`);
    const body = (await answer.json()) as { fields: Record<string, unknown> };
    if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(body)}`);
    return body.fields;
  }

  async page(query: Record<string, string> = {}): Promise<ListedPage> {
    const answer = await this.ask('GET', `/documents?${new URLSearchParams(query).toString()}`);
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as ListedPage;
  }

  /** The ids of all pages. @param between Called after each. */
  async ids(query: Record<string, string> = {}, between?: () => Promise<unknown>): Promise<string[]> {
    const ids: string[] = [];
    for (let next: string | null | undefined; next !== null;) {
      const page: ListedPage = await this.page(next === undefined ? query : { ...query, cursor: next });
      ids.push(...page.documents.map(({ id }) => id));
      next = page.next;
      await between?.();
    }
    return ids;
  }
}
