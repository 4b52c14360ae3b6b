/** The commands that read and change documents. */
import { Fields } from '../../protocol/fields.js';
import { isDocumentId } from '../../protocol/document-id.js';
import { loadConfig } from '../../config/load.js';
import { DataError, UsageError, wordsAndOptions, type Command } from '../tools.js';
import { documentOf, lineOf, linesOf, Progress, writeLine } from './lines.js';
import { RemoteStore } from './remote-store.js';
import { DocumentRefused, type DocumentStore, type FoundDocument } from './store.js';
import { textStateOf } from './text-state.js';

const help = `synckit-server documents <command>: read and change documents

  list             print the ids of the documents
    --prefix TEXT    only those whose id begins with it
    --after ID       only those behind this id
    --deleted        those that are deleted, instead of those that are there
    --json           a JSON object for each: id, created, updated, deleted
  get ID           print a document as JSON: id, fields, text
  set ID JSON      set fields, and remove those that are null; - reads the JSON
                   from standard input
  delete ID        delete a document; it can be restored for a while
    --hard           erase it for good (docs/operations/erasure.md)
  restore ID       take a deletion back
  export           print documents, each as JSON in a line
    --prefix TEXT    only those whose id begins with it
    --after ID       go on behind this id, after an interruption
  import FILE      write the documents of an export; - reads standard input.
                   What is there already is not written again, so that it can
                   be repeated; fields that the export lacks stay
    --after ID       go on behind the line of this id

With a running server, as an administrator:
  --url URL        its address (default: SYNCKIT_URL)
  --token TOKEN    a token or an API key (default: SYNCKIT_TOKEN)

Without --url, in the storage of DATABASE_URL or SYNCKIT_DATA_DIR: stop the
servers first, as they would not hear of what is changed.

Example:
  synckit-server documents export --url http://localhost:8080 --token "$TOKEN" > all.ndjson
  SYNCKIT_DATA_DIR=/var/lib/synckit synckit-server documents import all.ndjson`;

const where = { url: { type: 'string' }, token: { type: 'string' } } as const;
const range = { prefix: { type: 'string' }, after: { type: 'string' } } as const;

interface Where {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

type Subcommand = (args: string[]) => Promise<void>;

const subcommands: Readonly<Record<string, Subcommand>> = {
  async list(args) {
    const known = { ...where, ...range, deleted: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    const { values } = wordsAndOptions(args, known, []);
    const { prefix = '', after = '', deleted = false, json = false } = values;
    await withStore(values, false, async (store) => {
      for await (const page of store.list({ prefix, after, isDeleted: deleted })) {
        for (const line of page) await writeLine(json ? JSON.stringify(line) : line.id);
      }
    });
  },

  async get(args) {
    const { values, words } = wordsAndOptions(args, where, ['ID']);
    const id = idOf(words);
    await withStore(values, false, async (store) => {
      const [found] = await store.read([id]);
      if (found === undefined) throw new DataError(`There is no document ${id}`);
      await writeLine(lineOf(found));
    });
  },

  async set(args) {
    const { values, words } = wordsAndOptions(args, where, ['ID', 'JSON']);
    const [, given = ''] = words;
    const fields = await patchOf(given);
    await withStore(values, true, (store) => store.write(idOf(words), fields));
  },

  async delete(args) {
    const { values, words } = wordsAndOptions(args, { ...where, hard: { type: 'boolean' } } as const, ['ID']);
    await end(values, values.hard === true ? 'erase' : 'delete', idOf(words));
  },

  async restore(args) {
    const { values, words } = wordsAndOptions(args, where, ['ID']);
    await end(values, 'restore', idOf(words));
  },

  async export(args) {
    const { values } = wordsAndOptions(args, { ...where, ...range } as const, []);
    await withStore(values, false, (store) => exportAll(store, values.prefix ?? '', values.after ?? ''));
  },

  async import(args) {
    const { values, words } = wordsAndOptions(args, { ...where, after: { type: 'string' } } as const, ['FILE']);
    await withStore(values, true, (store) => importAll(store, words[0] ?? '-', values.after));
  },
};

export const documentCommands: Readonly<Record<string, Command>> = {
  documents: {
    help,
    run: async ([name, ...args]) => {
      const run = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
      if (run === undefined) {
        const known = Object.keys(subcommands).join(', ');
        throw new UsageError(`documents needs a command: ${known} (documents --help)`);
      }
      await run(args);
    },
  },
};

/** Documents that are read at a time. */
const atOnce = 32;

async function exportAll(store: DocumentStore, prefix: string, after: string): Promise<void> {
  const progress = new Progress();
  let last = after;
  try {
    for await (const page of store.list({ prefix, after, isDeleted: false })) {
      for (let i = 0; i < page.length; i += atOnce) {
        const ids = page.slice(i, i + atOnce).map(({ id }) => id);
        for (const [place, found] of (await store.read(ids)).entries()) {
          last = ids[place] ?? last;
          // It was deleted meanwhile.
          if (found === undefined) continue;
          await writeLine(lineOf(found));
          progress.add(last);
        }
      }
    }
  } catch (error) {
    progress.end(`Interrupted after ${progress.count} documents${last === '' ? '' : `; go on with --after ${last}`}.`);
    throw error;
  }
  progress.end(`${progress.count} documents exported.`);
}

async function importAll(store: DocumentStore, file: string, after: string | undefined): Promise<void> {
  const progress = new Progress();
  let [same, refused, isBefore, last] = [0, 0, after !== undefined, after ?? ''];
  const line = (): string => `${progress.count} documents imported, ${same} of them were there, ${refused} refused.`;
  try {
    for await (const text of linesOf(file)) {
      try {
        const document = documentOf(text);
        if (isBefore) {
          isBefore = document.id !== after;
          continue;
        }
        if (!(await importOne(store, document))) same++;
        last = document.id;
        progress.add(last);
      } catch (error) {
        if (!(error instanceof DocumentRefused)) throw error;
        refused++;
        process.stderr.write(`refused: ${text.slice(0, 80)}: ${error.message}\n`);
      }
    }
  } catch (error) {
    progress.end(`${line()} Interrupted${last === '' ? '' : `; go on with --after ${last}`}.`);
    throw error;
  }
  if (isBefore) throw new DataError(`${file} has no line of document ${after ?? ''}`);
  progress.end(line());
  if (refused > 0) process.exitCode = 1;
}

/** @returns Whether anything had to be written. */
async function importOne(store: DocumentStore, { id, fields, text }: FoundDocument): Promise<boolean> {
  const [found] = await store.read([id]);
  const changed = new Map(Array.from(fields).filter(([name, json]) => found?.fields.get(name) !== json));
  if (changed.size > 0) await store.write(id, changed);
  const hasText = text !== undefined && text !== '' && found?.text !== text;
  if (hasText && (found?.text ?? '') !== '') throw new DocumentRefused('it has another text, which stays');
  if (hasText) await store.writeText(id, textStateOf(text));
  return changed.size > 0 || hasText;
}

async function end(values: Where, kind: 'delete' | 'restore' | 'erase', id: string): Promise<void> {
  await withStore(values, true, async (store) => {
    if (!(await store.end(kind, id))) throw new DataError(`There is no document ${id}`);
  });
}

async function withStore(
  values: Where,
  mayChange: boolean,
  action: (store: DocumentStore) => Promise<void>,
): Promise<void> {
  const store = await openStore(values, mayChange);
  try {
    await action(store);
  } catch (error) {
    throw error instanceof DocumentRefused ? new DataError(error.message) : error;
  } finally {
    await store.close();
  }
}

async function openStore(values: Where, mayChange: boolean): Promise<DocumentStore> {
  const given = values.url ?? process.env['SYNCKIT_URL'] ?? '';
  const token = values.token ?? process.env['SYNCKIT_TOKEN'];
  if (given !== '') {
    if (!/^(https?|wss?):\/\//.test(given) || !URL.canParse(given)) {
      throw new UsageError('--url must be the address of a server, such as http://localhost:8080');
    }
    return new RemoteStore({ url: given, token });
  }
  if (values.token !== undefined) throw new UsageError('--token is of a running server: give --url too');
  // Imported only here: it needs storage and the WASM core.
  const { openLocalStore } = await import('./local-store.js');
  return openLocalStore(loadConfig(process.env), mayChange);
}

function idOf([id = '']: readonly string[]): string {
  if (!isDocumentId(id)) throw new UsageError(`${JSON.stringify(id)} is no id of a document`);
  return id;
}

/** A JSON merge patch: undefined removes a field. */
async function patchOf(given: string): Promise<Map<string, string | undefined>> {
  let text = given;
  if (given === '-') {
    text = '';
    for await (const part of process.stdin) text += String(part);
  }
  try {
    const entries = Fields.entries(text);
    if (entries !== undefined) {
      return new Map(Array.from(entries, ([name, { json }]) => [name, json === 'null' ? undefined : json]));
    }
  } catch {
    // It is no JSON.
  }
  throw new UsageError('the fields must be a JSON object, such as {"title":"Milk","done":null}');
}
