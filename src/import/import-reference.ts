/**
 * Imports what the reference server has stored in its Postgres database. Everything comes from one snapshot of that
 * database, which is only read; importing it again changes nothing. What was written is read back and compared.
 */

import type { Config } from '../config/load.js';
import type { DocumentChange, Storage } from '../storage/port.js';
import { ImportError } from './import-error.js';
import { newSummary, sentencesOf, type ImportSummary } from './import-summary.js';
import { openTarget } from './import-target.js';
import { readBack } from './read-back.js';
import { firstStamp, rowsOf, updateOf } from './reference-rows.js';
import { ReferenceSource, type Selection, type SourceRow } from './reference-source.js';
import { readReferenceState, type ReferenceState } from './reference-state.js';
import type { TextReader } from './reference-text.js';

export interface ImportOptions {
  /** Address of the reference server's database. */
  readonly from: string;
  readonly to: Config['storage'];
  /** Whether clients of this server can ask for such a document. */
  readonly isDocumentId: (id: string) => boolean;
  readonly texts: TextReader;
  /** Called with each line of progress, with missing tables and columns, and with the summary. */
  readonly log: (line: string) => void;
  /** Called for each row that was left out, with the reason. */
  readonly refuse: (line: string) => void;
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
  readonly #sum = newSummary();
  #hasClocks = false;
  #loggedAt = Date.now();

  constructor(options: ImportOptions, source: ReferenceSource, target: Storage) {
    this.#options = options;
    this.#source = source;
    this.#target = target;
  }

  async run(): Promise<ImportSummary> {
    this.#hasClocks = (await this.#columns('vector_clocks', ['document_id', 'clock_value'])) !== undefined;
    await this.#documents();
    await this.#snapshots();
    await this.#lostDocuments();
    for (const line of sentencesOf(this.#sum)) this.#options.log(line);
    return this.#sum;
  }

  async #documents(): Promise<void> {
    const columns = await this.#columns('documents', ['id', 'state'], ['version']);
    if (columns === undefined) {
      throw new ImportError(
        'The database of the reference server has no table documents with the columns id and state: it is another one',
      );
    }
    const from = { from: 'documents', id: 'id', columns: ['state', orNull(columns, 'version')], heavy: ['state'] };
    this.#sum.rows = await this.#each('documents', from, (rows, clocks) => this.#write('documents', rows, clocks));
    const unread = (await this.#source.count('documents')) - this.#sum.rows;
    if (unread > 0) this.#refuse(`documents: ${unread} rows have no id, or that of another row`);
  }

  /** There are no snapshots here yet: of a document that is nowhere else, the newest one is imported. */
  async #snapshots(): Promise<void> {
    const needed = ['document_id', 'state', 'created_at'];
    const columns = await this.#columns('snapshots', needed, ['version', 'compressed']);
    if (columns === undefined) return;
    const [version, compressed] = [orNull(columns, 'version'), orNull(columns, 'compressed')];
    const selection: Selection = {
      from: `(
        SELECT DISTINCT ON (document_id) document_id, state, ${version} AS version, ${compressed} AS compressed
        FROM snapshots WHERE document_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM documents WHERE documents.id = snapshots.document_id)
        ORDER BY document_id, created_at DESC NULLS LAST
      )`,
      id: 'document_id',
      columns: ['state', 'version', 'compressed'],
      heavy: ['state'],
    };
    await this.#each('snapshots', selection, async (rows, clocks) => {
      const readable = rows.filter(([id, , , compressed]) => {
        if (compressed !== 'true') return true;
        this.#refuseRow('snapshots', id, undefined, 'it is compressed, in a way that is not known here');
        return false;
      });
      this.#sum.snapshots += await this.#write('snapshots', readable, clocks);
    });
    this.#sum.snapshotsLeft = (await this.#source.count('snapshots')) - this.#sum.snapshots;
  }

  /** Documents of which only operations are left: their state can't be told from them. */
  async #lostDocuments(): Promise<void> {
    const columns = await this.#source.columnsOf('deltas');
    if (columns?.has('document_id') !== true) return;
    for (const id of await this.#source.idsWithoutDocument('deltas')) {
      this.#refuseRow('deltas', id, undefined, 'there is no document of this id');
    }
  }

  /** Returns how many documents and texts were written. */
  async #write(table: string, rows: readonly SourceRow[], clocks: ReadonlyMap<string, number>): Promise<number> {
    const changes: DocumentChange[] = [];
    for (const [id, json = null, version = null] of rows) {
      const state = readReferenceState(id, json);
      if (state.kind === 'unreadable') {
        this.#refuseRow(table, id, undefined, state.reason);
        continue;
      }
      for (const key of state.unknown) this.#refuseRow(table, id, undefined, `its key ${quoted(key)} is not known`);
      const change =
        state.kind === 'fields'
          ? this.#fieldsOf(table, id, state, version, clocks.get(id))
          : this.#textOf(table, id, state, clocks.get(id));
      if (change !== undefined) changes.push(change);
    }
    return this.#commit(table, changes);
  }

  #fieldsOf(
    table: string,
    documentId: string,
    { values }: Extract<ReferenceState, { kind: 'fields' }>,
    version: string | null,
    clock: number | undefined,
  ): DocumentChange {
    const { fields, refused } = rowsOf(values, version, clock);
    for (const { path, reason } of refused) this.#refuseRow(table, documentId, path, reason);
    return { documentId, stamp: fields.at(-1)?.stamp ?? firstStamp(clock), fields };
  }

  #textOf(
    table: string,
    documentId: string,
    { crdt, content, clock }: Extract<ReferenceState, { kind: 'text' }>,
    largestClock = 0,
  ): DocumentChange | undefined {
    if (crdt === undefined) {
      // Text without the history that merging needs: a new state would differ from that of the clients.
      if (content === undefined || content === '') this.#sum.emptyTexts++;
      else this.#refuseRow(table, documentId, undefined, 'it is a text without its crdt');
      return undefined;
    }
    const read = this.#options.texts.read(crdt);
    if ('refused' in read) {
      this.#refuseRow(table, documentId, undefined, read.refused);
      return undefined;
    }
    if ('empty' in read) {
      if (content === undefined || content === '') this.#sum.emptyTexts++;
      else this.#refuseRow(table, documentId, undefined, 'its crdt is empty, but its content is not');
      return undefined;
    }
    if (content !== undefined && content !== read.text) this.#differs(table, documentId);
    const text = { append: [updateOf(read.bytes)], replaces: [] };
    return { documentId, stamp: firstStamp(Math.max(largestClock, clock)), fields: [], text };
  }

  #differs(table: string, id: string): void {
    if (++this.#sum.differing > differingNamed) return;
    this.#options.log(`${table} ${quoted(id)}: its content is not that of its crdt, which is imported.`);
  }

  /** Writes, reads back and counts. Returns how many documents and texts were written. */
  async #commit(table: string, changes: readonly DocumentChange[]): Promise<number> {
    if (changes.length === 0) return 0;
    const committed = await this.#target.commit(changes);
    const missing = await readBack(this.#target, changes, committed, this.#options.texts);
    for (const { documentId, path, reason } of [...committed.refused, ...missing]) {
      this.#refuseRow(table, documentId, path, reason);
    }
    const [notWritten, notStored] = [committed.refused, missing].map((rows) => new Set(rows.map(nameOf)));
    let written = 0;
    for (const { documentId, fields, text } of changes) {
      const there = fields.filter(({ path }) => notWritten?.has(nameOf({ documentId, path })) !== true);
      this.#sum.fields += there.length;
      this.#sum.removed += there.filter(({ deleted }) => deleted).length;
      if (text !== undefined && notWritten?.has(nameOf({ documentId, path: undefined })) === true) continue;
      if (text === undefined) this.#sum.documents++;
      else this.#sum.texts++;
      written++;
      const paths = [undefined, ...fields.map(({ path }) => path)];
      if (!paths.some((path) => notStored?.has(nameOf({ documentId, path })) === true)) this.#sum.verified++;
    }
    return written;
  }

  /** Pages of those rows whose id a document can have here, with the clocks of their documents. Returns how many there were. */
  async #each(
    table: string,
    selection: Selection,
    write: (rows: readonly SourceRow[], clocks: ReadonlyMap<string, number>) => Promise<unknown>,
  ): Promise<number> {
    let seen = 0;
    for await (const rows of this.#source.pages(selection)) {
      const usable = rows.filter(([id]) => {
        if (this.#options.isDocumentId(id)) return true;
        this.#refuseRow(table, id, undefined, 'no client of this server could ask for a document of this id');
        return false;
      });
      const ids = usable.map(([id]) => id);
      await write(usable, this.#hasClocks ? await this.#source.largestClocks(ids) : new Map<string, number>());
      seen += rows.length;
      if (Date.now() < this.#loggedAt + progressEveryMs) continue;
      this.#loggedAt = Date.now();
      this.#options.log(`${table}: ${seen} so far`);
    }
    return seen;
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
    this.#refuse(`the table ${table} has no column ${missing.join(', ')}`);
    return undefined;
  }

  #refuseRow(table: string, id: string, path: string | undefined, reason: string): void {
    const field = path === undefined ? '' : `, field ${quoted(path)}`;
    this.#refuse(`${table} ${quoted(id)}${field}: ${reason}`);
  }

  #refuse(what: string): void {
    this.#sum.refused++;
    this.#options.refuse(`refused: ${what}`);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function nameOf({ documentId, path }: { readonly documentId: string; readonly path: string | undefined }): string {
  return JSON.stringify([documentId, path]);
}

function orNull(columns: ReadonlySet<string>, name: string): string {
  return columns.has(name) ? name : 'NULL';
}
