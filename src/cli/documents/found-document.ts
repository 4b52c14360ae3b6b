/** What the commands about documents read and write. */

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

/** A document can't be read or written; the sentence says why. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
}
