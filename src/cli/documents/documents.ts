/** The commands that read and change documents. */
import { Fields } from '../../protocol/fields.js';
import { isDocumentId } from '../../protocol/document-id.js';
import { remoteHelp, remoteOptions, withRemote, type Where } from '../remote.js';
import { DataError, UsageError, wordsAndOptions, type Command } from '../tools.js';
import { documentOf, lineOf, linesOf, Progress, writeLine } from './lines.js';
import { DocumentRefused, type FoundDocument } from './found-document.js';
import { DocumentStore } from './store.js';
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

${remoteHelp}
To list, export, delete and restore is for administrators.

Example:
  synckit-server documents export --url http://localhost:8080 --token "$TOKEN" > all.ndjson
  SYNCKIT_DATA_DIR=/var/lib/synckit synckit-server documents import all.ndjson`;

const range = { prefix: { type: 'string' }, after: { type: 'string' } } as const;

type Subcommand = (args: string[]) => Promise<void>;

const subcommands: Readonly<Record<string, Subcommand>> = {
  async list(args) {
    const known = { ...remoteOptions, ...range, deleted: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    const { values } = wordsAndOptions(args, known, []);
    const { prefix = '', after = '', deleted = false, json = false } = values;
    await withStore(values, false, async (store) => {
      for await (const page of store.list({ prefix, after, isDeleted: deleted })) {
        for (const line of page) await writeLine(json ? JSON.stringify(line) : line.id);
      }
    });
  },

  async get(args) {
    const { values, words } = wordsAndOptions(args, remoteOptions, ['ID']);
    const id = idOf(words);
    await withStore(values, false, async (store) => {
      const [found] = await store.read([id]);
      if (found === undefined) throw new DataError(`There is no document ${id}`);
      await writeLine(lineOf(found));
    });
  },

  async set(args) {
    const { values, words } = wordsAndOptions(args, remoteOptions, ['ID', 'JSON']);
    const [, given = ''] = words;
    const fields = await patchOf(given);
    await withStore(values, true, (store) => store.write(idOf(words), fields));
  },

  async delete(args) {
    const { values, words } = wordsAndOptions(args, { ...remoteOptions, hard: { type: 'boolean' } } as const, ['ID']);
    await end(values, values.hard === true ? 'erase' : 'delete', idOf(words));
  },

  async restore(args) {
    const { values, words } = wordsAndOptions(args, remoteOptions, ['ID']);
    await end(values, 'restore', idOf(words));
  },

  async export(args) {
    const { values } = wordsAndOptions(args, { ...remoteOptions, ...range } as const, []);
    await withStore(values, false, (store) => exportAll(store, values.prefix ?? '', values.after ?? ''));
  },

  async import(args) {
    const { values, words } = wordsAndOptions(args, { ...remoteOptions, after: { type: 'string' } } as const, ['FILE']);
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

/** Documents that are read or written at a time. */
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
  const refuse = (text: string, error: unknown): void => {
    if (!(error instanceof DocumentRefused)) throw error;
    refused++;
    process.stderr.write(`refused: ${text.slice(0, 80)}: ${error.message}\n`);
  };
  const waiting = new Map<string, { readonly text: string; readonly document: FoundDocument }>();
  const flush = async (): Promise<void> => {
    const lines = [...waiting.values()];
    waiting.clear();
    const done = await Promise.allSettled(lines.map(({ document }) => importOne(store, document)));
    for (const [place, { text, document }] of lines.entries()) {
      const outcome = done[place];
      if (outcome?.status === 'rejected') refuse(text, outcome.reason);
      if (outcome?.status !== 'fulfilled') continue;
      if (!outcome.value) same++;
      last = document.id;
      progress.add(last);
    }
  };
  try {
    for await (const text of linesOf(file)) {
      try {
        const document = documentOf(text);
        if (isBefore) {
          isBefore = document.id !== after;
          continue;
        }
        // Of two lines for a document the later one counts.
        if (waiting.has(document.id) || waiting.size === atOnce) await flush();
        waiting.set(document.id, { text, document });
      } catch (error) {
        refuse(text, error);
      }
    }
    await flush();
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
  try {
    await withRemote(values, mayChange, (remote) => action(new DocumentStore(remote)));
  } catch (error) {
    throw error instanceof DocumentRefused ? new DataError(error.message) : error;
  }
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
