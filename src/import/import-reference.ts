/**
 * Imports what the reference server has stored in its Postgres database. Everything comes from one snapshot of that
 * database, which is only read; importing it again changes nothing.
 */

import type { Config } from '../config/load.js';
import { openTarget } from './import-target.js';
import type { DocumentChange, Storage } from '../storage/port.js';
import { ReferenceSource, type Selection, type SourceRow } from './reference-source.js';
import { firstStamp, updateOf, readState, stateText } from './reference-rows.js';

/** A text as it is to be stored and as users see it, or why there is none. */
export type ReadText =
  | { readonly bytes: Uint8Array; readonly text: string }
  /** The state of a text that nobody has written in. */
  | { readonly empty: true }
  | { readonly refused: string };

export interface ImportOptions {
  /** Address of the reference server's database. */
  readonly from: string;
  readonly to: Config['storage'];
  /** Whether clients of this server can ask for such a document. */
  readonly isDocumentId: (id: string) => boolean;
  /** Joins a state, as JSON, into an empty text. */
  readonly readText: (state: string) => ReadText;
  /** Called with each line of progress, with missing tables and columns, and with the summary. */
  readonly log: (line: string) => void;
  /** Called for each row that was left out, with the reason. */
  readonly refuse: (line: string) => void;
}

export interface ImportSummary {
  documents: number;
  /** Those that are removed included. */
  fields: number;
  removed: number;
  texts: number;
  /** Texts whose content on the reference server differs from that of their states. */
  differing: number;
  /** Rows or fields that were left out. */
  refused: number;
  snapshots: number;
  snapshotsLeft: number;
}

const progressEveryMs = 5_000;
/** Such texts that are logged one by one. */
const differingNamed = 20;

/** @throws ImportError, SchemaError, DatabaseError; what was imported by then stays. */
export async function importReference(options: ImportOptions): Promise<ImportSummary> {
  const source = await ReferenceSource.open(options.from);
  try {
    const target = await openTarget(options.to);
    try {
      return await new Import(options, source, target).run();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

class Import {
  readonly #options: ImportOptions;
  readonly #source: ReferenceSource;
  readonly #target: Storage;
  readonly #sum: ImportSummary = {
    documents: 0,
    fields: 0,
    removed: 0,
    texts: 0,
    differing: 0,
    refused: 0,
    snapshots: 0,
    snapshotsLeft: 0,
  };
  #hasClocks = false;
  #loggedAt = Date.now();

  constructor(options: ImportOptions, source: ReferenceSource, target: Storage) {
    this.#options = options;
    this.#source = source;
    this.#target = target;
  }

  async run(): Promise<ImportSummary> {
    this.#hasClocks = (await this.#columns('vector_clocks', ['document_id', 'clock_value'])) !== undefined;
    const hasDocuments = await this.#documents();
    await this.#texts();
    await this.#snapshots(hasDocuments);
    const { documents, fields, removed, texts, differing, snapshots, snapshotsLeft, refused } = this.#sum;
    this.#options.log(
      `Imported ${documents} documents (${snapshots} of them from snapshots) with ${fields} fields, ` +
        `${removed} of which are removed, and ${texts} texts.`,
    );
    if (differing > 0) this.#options.log(`Texts whose content is not that of their crdt_state: ${differing}.`);
    if (snapshotsLeft > 0)
      this.#options.log(`Not imported: ${snapshotsLeft} snapshots, which this server does not use.`);
    if (refused > 0) this.#options.log(`Refused: ${refused}.`);
    return this.#sum;
  }

  /** Returns whether the table can be read. */
  async #documents(): Promise<boolean> {
    const columns = await this.#columns('documents', ['id', 'state'], ['version']);
    if (columns === undefined) return false;
    const from = { from: 'documents', id: 'id', columns: ['state', orNull(columns, 'version')], heavy: ['state'] };
    await this.#each('documents', from, (rows, clocks) => this.#writeStates('documents', rows, clocks));
    return true;
  }

  async #texts(): Promise<void> {
    const columns = await this.#columns('text_documents', ['id', 'crdt_state'], ['content', 'clock_value']);
    if (columns === undefined) return;
    const selection: Selection = {
      from: 'text_documents',
      id: 'id',
      columns: ['crdt_state', orNull(columns, 'content'), orNull(columns, 'clock_value')],
      heavy: columns.has('content') ? ['crdt_state', 'content'] : ['crdt_state'],
    };
    await this.#each('text_documents', selection, (rows, clocks) => this.#writeTexts(rows, clocks));
  }

  /** There are no snapshots here yet: of a document that is nowhere else, the newest one is imported. */
  async #snapshots(hasDocuments: boolean): Promise<void> {
    const needed = ['document_id', 'state', 'created_at'];
    const columns = await this.#columns('snapshots', needed, ['version', 'compressed']);
    if (columns === undefined) return;
    const [version, compressed] = [orNull(columns, 'version'), orNull(columns, 'compressed')];
    const orphaned = hasDocuments
      ? 'AND NOT EXISTS (SELECT FROM documents WHERE documents.id = snapshots.document_id)'
      : '';
    const selection: Selection = {
      from: `(
        SELECT DISTINCT ON (document_id) document_id, state, ${version} AS version, ${compressed} AS compressed
        FROM snapshots WHERE document_id IS NOT NULL ${orphaned}
        ORDER BY document_id, created_at DESC NULLS LAST
      )`,
      id: 'document_id',
      columns: ['state', 'version', 'compressed'],
      heavy: ['state'],
    };
    await this.#each('snapshots', selection, async (rows, clocks) => {
      const readable = rows.filter(([id, , , compressed]) => {
        if (compressed !== 'true') return true;
        this.#refuse('snapshots', id, undefined, 'it is compressed, in a way that is not known here');
        return false;
      });
      this.#sum.snapshots += await this.#writeStates('snapshots', readable, clocks);
    });
    this.#sum.snapshotsLeft = (await this.#source.count('snapshots')) - this.#sum.snapshots;
  }

  /** Returns how many documents were written. */
  async #writeStates(table: string, rows: readonly SourceRow[], clocks: ReadonlyMap<string, number>): Promise<number> {
    const changes: DocumentChange[] = [];
    for (const [id, state = null, version = null] of rows) {
      const { fields, refused } = readState(state, version, clocks.get(id));
      for (const { path, reason } of refused) this.#refuse(table, id, path, reason);
      // A document without fields is imported, unless its state can't be read.
      if (refused.some(({ path }) => path === undefined)) continue;
      changes.push({ documentId: id, stamp: fields.at(-1)?.stamp ?? firstStamp(clocks.get(id)), fields });
    }
    await this.#commit(table, changes);
    for (const { fields } of changes) {
      this.#sum.fields += fields.length;
      this.#sum.removed += fields.filter(({ deleted }) => deleted).length;
    }
    this.#sum.documents += changes.length;
    return changes.length;
  }

  async #writeTexts(rows: readonly SourceRow[], clocks: ReadonlyMap<string, number>): Promise<void> {
    const changes: DocumentChange[] = [];
    for (const [id, state = null, content = null, clock = null] of rows) {
      if (state === null) {
        // Text without the history that merging needs: a new state would differ from that of the clients.
        if (content !== null && content !== '') this.#refuse('text_documents', id, undefined, 'it has no crdt_state');
        continue;
      }
      const read = this.#options.readText(stateText(state));
      if ('refused' in read) {
        this.#refuse('text_documents', id, undefined, read.refused);
        continue;
      }
      if ('empty' in read) continue;
      if (content !== null && content !== read.text) this.#differs(id);
      const stamp = firstStamp(Math.max(clocks.get(id) ?? 0, Number(clock ?? 0) || 0));
      changes.push({ documentId: id, stamp, fields: [], text: { append: [updateOf(read.bytes)], replaces: [] } });
    }
    const refused = await this.#commit('text_documents', changes);
    this.#sum.texts += changes.length - refused;
  }

  #differs(id: string): void {
    if (++this.#sum.differing > differingNamed) return;
    this.#options.log(
      `text_documents ${JSON.stringify(id)}: its content is not that of its crdt_state, which is imported.`,
    );
  }

  /** Returns how many rows the storage refused. */
  async #commit(table: string, changes: readonly DocumentChange[]): Promise<number> {
    if (changes.length === 0) return 0;
    const { refused } = await this.#target.commit(changes);
    for (const { documentId, path, reason } of refused) {
      this.#refuse(table, documentId, path, reason);
      if (path === undefined) continue;
      const row = changes
        .find((change) => change.documentId === documentId)
        ?.fields.find((field) => field.path === path);
      this.#sum.fields--;
      if (row?.deleted === true) this.#sum.removed--;
    }
    return refused.length;
  }

  /** Pages of those rows whose id a document can have here, with the clocks of their documents. */
  async #each(
    table: string,
    selection: Selection,
    write: (rows: readonly SourceRow[], clocks: ReadonlyMap<string, number>) => Promise<unknown>,
  ): Promise<void> {
    let seen = 0;
    for await (const rows of this.#source.pages(selection)) {
      const usable = rows.filter(([id]) => {
        if (this.#options.isDocumentId(id)) return true;
        this.#refuse(table, id, undefined, 'no client of this server could ask for a document of this id');
        return false;
      });
      const ids = usable.map(([id]) => id);
      await write(usable, this.#hasClocks ? await this.#source.largestClocks(ids) : new Map<string, number>());
      seen += rows.length;
      if (Date.now() < this.#loggedAt + progressEveryMs) continue;
      this.#loggedAt = Date.now();
      this.#options.log(`${table}: ${seen} so far`);
    }
  }

  /** The columns of a table, or undefined if it lacks needed ones; logs what is missing. */
  async #columns(
    table: string,
    needed: readonly string[],
    wanted: readonly string[] = [],
  ): Promise<ReadonlySet<string> | undefined> {
    const columns = await this.#source.columnsOf(table);
    if (columns === undefined) {
      this.#options.log(`There is no table ${table}: skipped.`);
      return undefined;
    }
    const lacks = (names: readonly string[]): string[] => names.filter((name) => !columns.has(name));
    for (const name of lacks(wanted)) this.#options.log(`The table ${table} has no column ${name}: done without it.`);
    const missing = lacks(needed);
    if (missing.length === 0) return columns;
    this.#options.log(`The table ${table} has no column ${missing.join(', ')}: skipped.`);
    return undefined;
  }

  #refuse(table: string, id: string, path: string | undefined, reason: string): void {
    this.#sum.refused++;
    const field = path === undefined ? '' : `, field ${JSON.stringify(path)}`;
    this.#options.refuse(`refused: ${table} ${JSON.stringify(id)}${field}: ${reason}`);
  }
}

function orNull(columns: ReadonlySet<string>, name: string): string {
  return columns.has(name) ? name : 'NULL';
}
