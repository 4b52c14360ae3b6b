/** Memory storage that a test can hold back, let fail, or make refuse rows and texts. */
import { MemoryStorage } from '../../../src/storage/memory.js';
import type {
  Committed,
  DocumentChange,
  FieldRow,
  RefusedRow,
  Storage,
  StoredDocument,
  TextChange,
} from '../../../src/storage/port.js';

export class ControlledStorage implements Storage {
  readonly isLost = false;
  readonly durable = true;
  /** What each call of `commit` was given, failed ones too. */
  readonly commits: DocumentChange[][] = [];
  /** What each call of `load` was asked for. */
  readonly loads: string[][] = [];
  /** How often `lastCommits` was called. */
  comparisons = 0;
  /** Commits fail while this is set. */
  failCommits = false;
  /** Microtasks that a commit takes besides. */
  commitTicks = 0;
  /** Loads that ask for one of these fail; `'*'` stands for all. */
  failLoads: readonly string[] = [];
  /** Why a row is not taken, if it is not. */
  refuse: (documentId: string, row: FieldRow) => string | undefined = () => undefined;
  /** Why the parts of a text are not taken, if they are not. */
  refuseText: (documentId: string, change: TextChange) => string | undefined = () => undefined;
  /** What is stored, without what this class does to those who ask. */
  readonly inner = new MemoryStorage();
  /** By document and path, the last commit that refused a row of a field. */
  readonly #refusals = new Map<string, Map<string, number>>();
  #gates: Promise<void>[] = [];
  #held: (() => void)[] = [];
  #answers: Promise<void> | undefined;

  get lifecycle(): Storage['lifecycle'] {
    return this.inner.lifecycle;
  }

  get history(): Storage['history'] {
    return this.inner.history;
  }

  /** Lets the commits and loads from now on wait until `release`. */
  hold(): void {
    this.#gates = [new Promise((resolve) => this.#held.push(resolve))];
  }

  release(): void {
    this.#gates = [];
    for (const resolve of this.#held.splice(0)) resolve();
  }

  /** Lets what loads from now on have read wait until what it returns is called: it is older then than what is stored. */
  holdAnswers(): () => void {
    let release = (): void => undefined;
    this.#answers = new Promise((resolve) => (release = resolve));
    return release;
  }

  async load(documentIds: readonly string[]): Promise<StoredDocument[]> {
    this.loads.push([...documentIds]);
    await Promise.all(this.#gates);
    if (documentIds.some((id) => this.failLoads.includes(id) || this.failLoads.includes('*'))) {
      throw new Error('the disk can’t be read');
    }
    const loaded = await this.inner.load(documentIds);
    await this.#answers;
    return loaded.map((document, i) => ({ ...document, fields: this.#numbered(documentIds[i]!, document) }));
  }

  async commit(changes: readonly DocumentChange[]): Promise<Committed> {
    this.commits.push(structuredClone(changes) as DocumentChange[]);
    await Promise.all(this.#gates);
    for (let i = 0; i < this.commitTicks; i++) await Promise.resolve();
    if (this.failCommits) throw new Error('the disk is full');
    const refused: RefusedRow[] = [];
    const taken = changes.map(({ documentId, stamp, fields, text, purge }) => ({
      purge,
      documentId,
      stamp,
      fields: fields.filter((row) => {
        const reason = this.refuse(documentId, row);
        if (reason !== undefined) refused.push({ documentId, path: row.path, reason });
        return reason === undefined;
      }),
      text: text === undefined ? undefined : this.#takeText(documentId, text, refused),
    }));
    const committed = await this.inner.commit(taken);
    for (const { documentId, path } of refused) {
      let numbers = this.#refusals.get(documentId);
      if (numbers === undefined) this.#refusals.set(documentId, (numbers = new Map<string, number>()));
      if (path !== undefined) numbers.set(path, committed.numbers.get(documentId)!);
    }
    return { ...committed, refused: [...refused, ...committed.refused] };
  }

  lastCommits(documentIds: readonly string[]): Promise<number[]> {
    this.comparisons++;
    return this.inner.lastCommits(documentIds);
  }

  /** The rows with the numbers that the port promises for those that were refused. */
  #numbered(documentId: string, { stamp, fields }: StoredDocument): FieldRow[] {
    const rows = new Map(fields.map((row) => [row.path, row]));
    for (const [path, refusedBy] of this.#refusals.get(documentId) ?? []) {
      const row = rows.get(path) ?? { ...removal, path, stamp };
      rows.set(path, { ...row, commit: Math.max(row.commit ?? 0, refusedBy) });
    }
    return [...rows.values()];
  }

  #takeText(documentId: string, text: TextChange, refused: RefusedRow[]): TextChange | undefined {
    const reason = this.refuseText(documentId, text);
    if (reason === undefined) return text;
    refused.push({ documentId, path: undefined, reason });
    return undefined;
  }

  /** What is stored of a document, as `<field>=<value>`, tombstones included. */
  async stored(documentId: string): Promise<string[]> {
    const [document] = await this.inner.load([documentId]);
    return (document?.fields ?? []).map(({ path, value }) => `${path}=${value}`).sort();
  }

  async close(): Promise<void> {
    await this.inner.close();
  }
}

/** Of a field that never was. */
const removal = { value: '{"__deleted":true}', deleted: true, timestamp: 0, counter: 0, clientId: 'server', commit: 0 };
