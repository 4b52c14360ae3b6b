/** Documents of a server, by HTTP. */
import { cursorOf } from '../../http/documents/lifecycle-specs.js';
import { Fields } from '../../protocol/fields.js';
import { RemoteError, type Remote, type RemoteRequest } from '../remote.js';
import { DocumentRefused, type FoundDocument, type ListedLine, type ListOptions } from './found-document.js';

const pageSize = 500;
/** Bytes of fields that one write holds, and their number. */
const bytesPerWrite = 256 * 1024;
const fieldsPerWrite = 1_000;

interface Page {
  readonly documents: readonly ListedLine[];
  readonly next: string | null;
}

/** What goes wrong with one document is a DocumentRefused; everything else ends the command. */
export class DocumentStore {
  readonly #remote: Remote;

  constructor(remote: Remote) {
    this.#remote = remote;
  }

  /** Pages of all documents, in the order of their ids. */
  async *list({ prefix, after, isDeleted }: ListOptions): AsyncIterable<readonly ListedLine[]> {
    for (let cursor: string | null = after === '' ? '' : cursorOf(after); cursor !== null;) {
      const query = new URLSearchParams({ prefix, limit: String(pageSize), deleted: String(isDeleted) });
      if (cursor !== '') query.set('cursor', cursor);
      const answer: Response = await this.#remote.request(`/documents?${query.toString()}`);
      const page = (await answer.json()) as Page;
      yield page.documents;
      cursor = page.next;
    }
  }

  /** Documents by their ids, in their order; undefined for one that is not there (any more). */
  read(ids: readonly string[]): Promise<readonly (FoundDocument | undefined)[]> {
    return Promise.all(ids.map((id) => this.#read(id)));
  }

  /** Sets fields by JSON texts, and removes those that are undefined. Resolves when it is durable. */
  async write(id: string, fields: ReadonlyMap<string, string | undefined>): Promise<void> {
    let deltas: string[] = [];
    let bytes = 0;
    const send = async (): Promise<void> => {
      if (deltas.length > 0) await this.#post(id, `{"deltas":[${deltas.join(',')}]}`);
      deltas = [];
      bytes = 0;
    };
    for (const [field, json = '{"__deleted":true}'] of fields) {
      const delta = `{"field":${JSON.stringify(field)},"value":${json}}`;
      if (bytes + delta.length > bytesPerWrite || deltas.length === fieldsPerWrite) await send();
      deltas.push(delta);
      bytes += delta.length;
    }
    await send();
  }

  /** Gives a document without a text the one of this state (text-state.ts). */
  async writeText(id: string, state: string): Promise<void> {
    const delta = { type: 'text-state', state, clientId: 'import', clock: 1 };
    await this.#post(id, JSON.stringify({ deltas: [delta] }));
  }

  /** @returns Whether there is such a document. */
  async end(kind: 'delete' | 'restore' | 'erase', id: string): Promise<boolean> {
    const path = pathOf(id) + (kind === 'restore' ? '/restore' : kind === 'erase' ? '?hard=true' : '');
    return (await this.#find(path, { method: kind === 'restore' ? 'POST' : 'DELETE' })) !== undefined;
  }

  async #read(id: string): Promise<FoundDocument | undefined> {
    const answer = await this.#find(pathOf(id));
    if (answer === undefined) return undefined;
    const members = Fields.entries(await answer.text());
    const member = (name: string): string => members?.get(name)?.json ?? 'null';
    const fields = new Map(Array.from(Fields.entries(member('fields')) ?? [], ([name, { json }]) => [name, json]));
    const updated = Date.parse(JSON.parse(member('updated')) as string);
    const text = member('hasText') === 'true' ? await this.#find(`${pathOf(id)}/text`) : undefined;
    return { id, fields, text: await text?.text(), updated };
  }

  async #post(id: string, content: string): Promise<void> {
    const body = { type: 'application/json', content };
    try {
      await this.#remote.request(`${pathOf(id)}/deltas`, { method: 'POST', body });
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** @returns The answer; undefined when there is no such document, or it is deleted. */
  async #find(path: string, request?: RemoteRequest): Promise<Response | undefined> {
    try {
      return await this.#remote.request(path, request);
    } catch (error) {
      if (error instanceof RemoteError && error.status === 404) return undefined;
      throw refusalOf(error);
    }
  }
}

function pathOf(id: string): string {
  return `/documents/${encodeURIComponent(id)}`;
}

/** What is wrong with one document ends nothing else; what the sender may not do at all does. */
function refusalOf(error: unknown): unknown {
  const isOfDocument = error instanceof RemoteError && error.status !== undefined && error.status !== 401;
  return isOfDocument ? new DocumentRefused(error.message) : error;
}
