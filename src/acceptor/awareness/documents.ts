import { DocumentAwareness } from './document-awareness.js';

export interface AwarenessDocumentsOptions {
  /** A document got its first state or subscriber of this node. */
  readonly onAdded: (document: DocumentAwareness) => void;
  /** A document lost its last one. */
  readonly onRemoved: (document: DocumentAwareness) => void;
}

/** The documents in which a session of this node has a state or subscribes to awareness. */
export class AwarenessDocuments {
  readonly #options: AwarenessDocumentsOptions;
  readonly #byId = new Map<string, DocumentAwareness>();

  constructor(options: AwarenessDocumentsOptions) {
    this.#options = options;
  }

  get byId(): ReadonlyMap<string, DocumentAwareness> {
    return this.#byId;
  }

  get(documentId: string): DocumentAwareness | undefined {
    return this.#byId.get(documentId);
  }

  /** The document, added if it was not there. */
  ensure(documentId: string): DocumentAwareness {
    let document = this.#byId.get(documentId);
    if (document === undefined) {
      document = new DocumentAwareness(documentId);
      this.#byId.set(documentId, document);
      this.#options.onAdded(document);
    }
    return document;
  }

  removeIfEmpty(document: DocumentAwareness): void {
    if (document.isEmpty && this.#byId.delete(document.documentId)) this.#options.onRemoved(document);
  }
}
