/** Where the commands about documents find them: a running server, or the storage of one that is stopped. */

/** A document that is printed or written. */
export interface FoundDocument {
  readonly id: string;
  /** Field names and values as JSON texts, byte for byte as they were sent. */
  readonly fields: ReadonlyMap<string, string>;
  /** What its collaborative text shows; undefined without one. */
  readonly text: string | undefined;
  /** In ms since the epoch; undefined where it is not known. */
  readonly updated: number | undefined;
}

export interface ListedLine {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly deleted?: string | undefined;
}

export interface ListOptions {
  readonly prefix: string;
  /** Only ids behind this one. */
  readonly after: string;
  readonly isDeleted: boolean;
}

/** What goes wrong with one document is a DocumentRefused; everything else ends the command. */
export interface DocumentStore {
  /** Pages of all documents, in the order of their ids. */
  list(options: ListOptions): AsyncIterable<readonly ListedLine[]>;
  /** Documents by their ids, in their order; undefined for one that is not there (any more). */
  read(ids: readonly string[]): Promise<readonly (FoundDocument | undefined)[]>;
  /** Sets fields by JSON texts, and removes those that are undefined. Resolves when it is durable. */
  write(id: string, fields: ReadonlyMap<string, string | undefined>): Promise<void>;
  /** Gives a document without a text the one of this state (text-state.ts). */
  writeText(id: string, state: string): Promise<void>;
  /** @returns Whether there is such a document. */
  end(kind: 'delete' | 'restore' | 'erase', id: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A document can't be read or written; the sentence says why. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
}
