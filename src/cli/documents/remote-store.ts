/** Documents of a running server, by HTTP. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cursorOf } from '../../http/documents/lifecycle-specs.js';
import { Fields } from '../../protocol/fields.js';
import { DataError } from '../tools.js';
import { DocumentRefused, type DocumentStore, type FoundDocument, type ListedLine, type ListOptions } from './store.js';

export interface RemoteOptions {
  /** Such as `http://localhost:8080`. */
  readonly url: string;
  /** A token or an API key; undefined where the server asks for none. */
  readonly token: string | undefined;
}

/** Answers that mean: later. */
const busy = new Set([429, 503]);
const maxTries = 20;
const pageSize = 500;
/** Bytes of fields that one write holds, and their number. */
const bytesPerWrite = 256 * 1024;
const fieldsPerWrite = 1_000;
/** Ids of documents that are read at the same time. */
const atOnce = 4;

interface Page {
  readonly documents: readonly ListedLine[];
  readonly next: string | null;
}

export class RemoteStore implements DocumentStore {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor({ url, token }: RemoteOptions) {
    this.#base = url.replace(/^ws/, 'http').replace(/\/(ws)?$/, '');
    // A token has two dots, a key has none.
    const isToken = token?.split('.').length === 3;
    this.#headers = token === undefined ? {} : isToken ? { Authorization: `Bearer ${token}` } : { 'X-API-Key': token };
  }

  async *list({ prefix, after, isDeleted }: ListOptions): AsyncIterable<readonly ListedLine[]> {
    for (let cursor: string | null = after === '' ? '' : cursorOf(after); cursor !== null;) {
      const query = new URLSearchParams({ prefix, limit: String(pageSize), deleted: String(isDeleted) });
      if (cursor !== '') query.set('cursor', cursor);
      const answer: Response = await this.#ask('GET', `/documents?${query.toString()}`);
      if (answer.status !== 200) throw new DataError(await sentenceOf(answer));
      const page = (await answer.json()) as Page;
      yield page.documents;
      cursor = page.next;
    }
  }

  async read(ids: readonly string[]): Promise<readonly (FoundDocument | undefined)[]> {
    const found: (FoundDocument | undefined)[] = [];
    for (let i = 0; i < ids.length; i += atOnce) {
      found.push(...(await Promise.all(ids.slice(i, i + atOnce).map((id) => this.#read(id)))));
    }
    return found;
  }

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

  async writeText(id: string, state: string): Promise<void> {
    const delta = { type: 'text-state', state, clientId: 'import', clock: 1 };
    await this.#post(id, JSON.stringify({ deltas: [delta] }));
  }

  async end(kind: 'delete' | 'restore' | 'erase', id: string): Promise<boolean> {
    const path = pathOf(id) + (kind === 'restore' ? '/restore' : kind === 'erase' ? '?hard=true' : '');
    const answer = await this.#ask(kind === 'restore' ? 'POST' : 'DELETE', path);
    if (answer.status === 404) return false;
    await check(answer);
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #read(id: string): Promise<FoundDocument | undefined> {
    const answer = await this.#ask('GET', pathOf(id));
    if (answer.status === 404) return undefined;
    await check(answer);
    const members = Fields.entries(await answer.text());
    const member = (name: string): string => members?.get(name)?.json ?? 'null';
    const fields = new Map(Array.from(Fields.entries(member('fields')) ?? [], ([name, { json }]) => [name, json]));
    const updated = Date.parse(JSON.parse(member('updated')) as string);
    const text = member('hasText') === 'true' ? await this.#text(id) : undefined;
    return { id, fields, text, updated };
  }

  async #text(id: string): Promise<string | undefined> {
    const answer = await this.#ask('GET', `${pathOf(id)}/text`);
    if (answer.status === 404) return undefined;
    await check(answer);
    return answer.text();
  }

  async #post(id: string, body: string): Promise<void> {
    await check(await this.#ask('POST', `${pathOf(id)}/deltas`, body));
  }

  /** Asks once more where the server has no time: within its limits an export goes on for as long as it takes. */
  async #ask(method: string, path: string, body?: string): Promise<Response> {
    const headers = body === undefined ? this.#headers : { ...this.#headers, 'Content-Type': 'application/json' };
    for (let tries = 1; ; tries++) {
      let answer: Response;
      try {
        answer = await fetch(this.#base + path, { method, headers, ...(body === undefined ? {} : { body }) });
      } catch (cause) {
        throw new DataError(`${this.#base} can't be reached: ${messageOf(cause)}`, { cause });
      }
      if (answer.status === 401) throw new DataError(`${this.#base} asks who you are: ${await sentenceOf(answer)}`);
      if (!busy.has(answer.status) || tries === maxTries) return answer;
      await answer.body?.cancel();
      await sleep(1_000 * Math.min(60, Number(answer.headers.get('retry-after') ?? '1') || 1));
    }
  }
}

function pathOf(id: string): string {
  return `/documents/${encodeURIComponent(id)}`;
}

/** @throws DocumentRefused */
async function check(answer: Response): Promise<void> {
  if (answer.status >= 300) throw new DocumentRefused(await sentenceOf(answer));
}

async function sentenceOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const { error, code } = JSON.parse(text) as { error?: string; code?: string };
    return `${error ?? ''} (${code ?? answer.status})`;
  } catch {
    return `the answer has status ${answer.status}`;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
