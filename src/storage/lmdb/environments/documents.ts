/** The environment of the documents: the data directory itself, in the layout of format.ts. */

import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  decodeFormat,
  decodeHorizon,
  decodeUpdate,
  formatKey,
  formatVersion,
  isHorizonKey,
  isUpdateKey,
  pathOfKey,
} from '../format.js';
import { decodeEntry, decodeRecord, isHistoryKey, placeOf, readKey } from '../history/format.js';
import { isFeedKey, readFeedEntry } from '../changes/keys.js';
import type { EntryReader, Environment } from './environment.js';

export const documents: Environment = {
  name: 'documents',
  folder: '',
  formatKey,
  formatVersion,
  counted: { documents: 'documents', fields: 'fields', updates: 'updates of texts', history: 'entries of histories' },
  unit: 'document',
  nameOf: (key) => (isFeedKey(key) ? 'the feed of changes' : `document ${JSON.stringify(documentOf(key))}`),
  newReader: () => new DocumentReader(),
  beginAnew: 'To begin with nothing, choose an empty SYNCKIT_DATA_DIR.',
};

class DocumentReader implements EntryReader {
  readonly counts = { documents: 0, fields: 0, updates: 0, history: 0 };
  version: number | undefined;
  /** The document whose record was read last. */
  #recorded: string | undefined;

  read(key: Buffer, value: Buffer): void {
    if (key.equals(formatKey)) {
      this.version = decodeFormat(value);
      return;
    }
    if (isHistoryKey(key)) {
      this.#readHistory(key, value);
      return;
    }
    if (isFeedKey(key)) {
      readFeedEntry(key, value);
      return;
    }
    const documentId = documentOf(key);
    const prefix = Buffer.byteLength(documentId) + 1;
    if (key.length === prefix) {
      decodeDocument(value);
      this.#recorded = documentId;
      this.counts.documents++;
      return;
    }
    if (this.#recorded !== documentId) throw new CorruptEntry('it has entries, but no record of its own');
    if (isHorizonKey(key, prefix)) decodeHorizon(value);
    else if (isUpdateKey(key, prefix)) {
      decodeUpdate(key, prefix, value);
      this.counts.updates++;
    } else {
      decodeField(pathOfKey(key, prefix), value);
      this.counts.fields++;
    }
  }

  #readHistory(key: Buffer, value: Buffer): void {
    const { part } = readKey(key);
    if (part === undefined) decodeRecord(value);
    else if (part === 1) {
      decodeEntry(placeOf(key), value);
      this.counts.history++;
    } else if (value.byteLength === 0) throw new CorruptEntry('an update in a history is empty');
  }
}

/** The document that a key belongs to, also for one that is no key of this layout. */
function documentOf(key: Buffer): string {
  const start = isHistoryKey(key) ? 2 : 0;
  const end = key.indexOf(0, start);
  return key.toString('utf8', start, end === -1 ? key.length : end);
}
