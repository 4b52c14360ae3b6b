import type { LoadedDocument } from '../documents/documents.js';

/** The documents of which it is remembered to whom fields were sent, and how many fields these are. */
export class RememberedDocuments {
  readonly #documents = new Map<number, LoadedDocument>();
  readonly #maxFields: number;
  #fields = 0;

  constructor(maxFields: number) {
    this.#maxFields = maxFields;
  }

  /** @throws Error when nothing is remembered of it. */
  get(handle: number): LoadedDocument {
    const document = this.#documents.get(handle);
    if (document === undefined) throw new Error('an echo is owed of a document that is not remembered');
    return document;
  }

  /** One more field of a document is remembered. */
  addField(document: LoadedDocument): void {
    this.#fields++;
    this.#documents.set(document.handle, document);
  }

  /** So many fields are not remembered any more. */
  dropFields(count: number): void {
    this.#fields -= count;
  }

  /** Whether anything was remembered of it. */
  delete({ handle }: LoadedDocument): boolean {
    return this.#documents.delete(handle);
  }

  /**
   * Documents to forget, those first that were not written lately, while there are too many fields.
   *
   * @param kept A document that stays.
   */
  *excess(kept: LoadedDocument): Generator<LoadedDocument> {
    if (this.#fields <= this.#maxFields) return;
    for (const document of this.#documents.values()) {
      if (this.#fields <= this.#maxFields || this.#documents.size === 1) return;
      // Once round more: cheaper than moving it at each write.
      this.#documents.delete(document.handle);
      this.#documents.set(document.handle, document);
      if (document !== kept && !document.sends.isTouched) yield document;
      document.sends.isTouched = false;
    }
  }
}
