import type { TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { TaskGroup } from '../../messages/task.js';
import type { Storage, StoredDocument } from '../../storage/port.js';
import type { LoadedDocument, WaitingGroup } from '../documents/documents.js';
import type { OpenGroup } from '../open-task.js';
import { loadText } from './text-join.js';

export interface RefusedTextsOptions {
  readonly storage: Pick<Storage, 'load'>;
  readonly texts: TextStore;
  readonly log: Logger;
  /** The text of a document is another one now. */
  readonly onReplaced: (document: LoadedDocument) => void;
  /** Does what waited for a document. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
  /** Answers what waited for a document that can't be loaded. */
  readonly refuse: (documentId: string, group: TaskGroup, openGroup: OpenGroup) => void;
  /** Called after either. */
  readonly endTurn: () => void;
}

interface Suspect {
  waiting: WaitingGroup[];
  isLoading: boolean;
}

/**
 * Takes what the storage refused of texts out of memory. States can't be taken apart again, so the text is made anew of
 * what is stored. What comes for the document meanwhile waits: joined to the old text it would be lost with it.
 */
export class RefusedTexts {
  readonly #options: RefusedTextsOptions;
  readonly #suspects = new Map<LoadedDocument, Suspect>();

  constructor(options: RefusedTextsOptions) {
    this.#options = options;
  }

  /** Whether the text of a document holds what was refused, which keeps it in memory. */
  has(document: LoadedDocument): boolean {
    return this.#suspects.has(document);
  }

  /** The storage has refused a part of a document's text. */
  refused(document: LoadedDocument): void {
    if (this.#suspects.has(document)) return;
    this.#suspects.set(document, { waiting: [], isLoading: false });
    this.#begin(document);
  }

  /** @returns Whether the group waits for the text; it is processed later. */
  hold(document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup): boolean {
    const suspect = this.#suspects.get(document);
    if (suspect === undefined) return false;
    suspect.waiting.push({ group, openGroup });
    this.#begin(document);
    return true;
  }

  #begin(document: LoadedDocument): void {
    const suspect = this.#suspects.get(document);
    if (suspect === undefined || suspect.isLoading) return;
    suspect.isLoading = true;
    // After the commit that refused it is done with.
    setImmediate(() => void this.#load(document, suspect));
  }

  async #load(document: LoadedDocument, suspect: Suspect): Promise<void> {
    const { storage, log, process, refuse, endTurn } = this.#options;
    const { id } = document;
    try {
      while (!this.#replace(document, this.#versionOf(document), await storage.load([id])));
      this.#suspects.delete(document);
    } catch (error) {
      // Whoever asks for the document next lets it be tried again.
      log.error({ err: error, documentId: id }, 'a text of which a part was refused could not be loaded again');
    }
    suspect.isLoading = false;
    const settle = this.#suspects.has(document)
      ? (one: WaitingGroup) => {
          refuse(id, one.group, one.openGroup);
        }
      : (one: WaitingGroup) => {
          process(document, one.group, one.openGroup);
        };
    for (const one of suspect.waiting.splice(0)) settle(one);
    endTurn();
  }

  /**
   * @param version Of the text before it was loaded.
   * @returns False if the text has gained something since, which another node has stored and may not be in what was loaded.
   * @throws TextRefused when what is stored can't be read.
   */
  #replace(document: LoadedDocument, version: number, [stored]: readonly StoredDocument[]): boolean {
    const { texts, onReplaced } = this.#options;
    if (version !== this.#versionOf(document)) return false;
    const former = document.text;
    const updates = stored?.text ?? [];
    document.text = updates.length === 0 ? undefined : loadText(texts, updates).text;
    if (former !== undefined) texts.close(former.handle);
    onReplaced(document);
    return true;
  }

  #versionOf({ text }: LoadedDocument): number {
    return text === undefined ? 0 : this.#options.texts.version(text.handle);
  }
}
