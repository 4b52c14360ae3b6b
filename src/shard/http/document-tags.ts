import { randomBytes } from 'node:crypto';
import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import type { Conditions } from '../../messages/document-request.js';
import type { LoadedDocument } from '../documents/documents.js';

export interface DocumentTagsOptions {
  readonly core: Pick<FieldsStore, 'version' | 'fieldCount'>;
  readonly texts: Pick<TextStore, 'version'>;
  readonly isDirty: (document: LoadedDocument) => boolean;
}

/**
 * The entity tags of documents. What is durable has the number of its last commit, which all nodes know by the same
 * number; what is not yet has the versions that it has in this memory. Both stand for the same state while it lasts.
 */
export class DocumentTags {
  readonly #options: DocumentTagsOptions;
  /** Of this shard in this process: others count their versions anew. */
  readonly #memory = randomBytes(6).toString('base64url');

  constructor(options: DocumentTagsOptions) {
    this.#options = options;
  }

  of(document: LoadedDocument): string {
    return this.#durable(document) ?? this.#present(document);
  }

  /** @throws ProtocolError PRECONDITION_FAILED */
  check(document: LoadedDocument, { ifMatch, ifNoneMatch }: Conditions): void {
    if (ifMatch !== undefined && !this.#matches(document, ifMatch)) throw new ProtocolError('PRECONDITION_FAILED');
    if (ifNoneMatch !== undefined && this.#matches(document, ifNoneMatch)) {
      throw new ProtocolError('PRECONDITION_FAILED');
    }
  }

  /** Whether whoever has one of these tags has the document as it is. */
  isKnown(document: LoadedDocument, { ifNoneMatch }: Conditions): boolean {
    return ifNoneMatch !== undefined && this.#matches(document, ifNoneMatch);
  }

  /** Whether anything was ever written to it. */
  exists(document: LoadedDocument): boolean {
    // Of an erased document there is a marker only.
    if (document.erasedAt !== undefined && this.#options.core.fieldCount(document.handle) === 0) return false;
    return document.commits.last > 0 || document.changedAt > 0 || this.#options.isDirty(document);
  }

  #matches(document: LoadedDocument, tags: readonly string[]): boolean {
    const durable = this.#durable(document);
    const present = this.#present(document);
    return tags.some((tag) => (tag === '*' ? this.exists(document) : tag === durable || tag === present));
  }

  #durable(document: LoadedDocument): string | undefined {
    const { upTo, last } = document.commits;
    return upTo === last && !this.#options.isDirty(document) ? String(last) : undefined;
  }

  #present({ handle, text }: LoadedDocument): string {
    const { core, texts } = this.#options;
    // A text that is made anew counts from the beginning.
    const ofText = text === undefined ? 0 : `${text.handle}-${texts.version(text.handle)}`;
    return `${this.#memory}.${core.version(handle)}.${ofText}`;
  }
}
