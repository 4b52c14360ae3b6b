import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import type { DocumentRead, DocumentReadHead } from '../../messages/document-request.js';
import type { ReadRecord } from '../../messages/task.js';
import { COMMITS_ENTRY, isClaim } from '../../protocol/claims.js';
import { quote } from '../../protocol/encode.js';
import type { LoadedDocument } from '../documents/documents.js';
import { timeOfStamp } from '../fields/stamp.js';
import type { Outbox } from '../outbox.js';
import type { Snapshots } from '../reads/snapshots.js';
import type { DocumentTags } from './document-tags.js';

export interface DocumentReadContext {
  readonly outbox: Outbox;
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly snapshots: Pick<Snapshots, 'fields'>;
  readonly document: LoadedDocument;
  readonly tags: DocumentTags;
}

/**
 * Answers a read by HTTP: a `DocumentReadHead` in a line, and what the client gets: the document as JSON, what its text
 * shows, or what a snapshot keeps of both.
 *
 * @throws ProtocolError DOCUMENT_NOT_FOUND
 */
export function answerDocument(context: DocumentReadContext, record: ReadRecord, request: DocumentRead): void {
  const { outbox, document, tags, snapshots, texts } = context;
  const isText = request.part === 'text';
  if (!tags.exists(document) || (isText && document.text === undefined)) throw new ProtocolError('DOCUMENT_NOT_FOUND');
  const isKnown = tags.isKnown(document, request);
  const isSnapshot = request.part === 'snapshot';
  const plain: DocumentReadHead = { tag: tags.of(document), updated: timeOfStamp(document.changedAt), isKnown };
  const clock = isKnown || isText ? '' : clockJson(context, plain);
  const head = isSnapshot ? { ...plain, clock: JSON.parse(clock) as DocumentReadHead['clock'] } : plain;
  outbox.answerPlainly(record, (writer) => {
    writer.text(`${JSON.stringify(head)}\n`);
    if (isKnown) return;
    if (isText) {
      writer.text(document.text === undefined ? '' : texts.text(document.text.handle));
      return;
    }
    writer.text(`{"id":"${document.id}","fields":`);
    if (request.fields === undefined) writer.bytes(snapshots.fields(document));
    else writer.text(fieldsJson(context, request.fields));
    if (isSnapshot) {
      writer.text(document.text === undefined ? '}' : `,"text":${quote(texts.text(document.text.handle))}}`);
      return;
    }
    const updated = new Date(head.updated).toISOString();
    writer.text(`,"hasText":${document.text !== undefined},"clock":${clock},"updated":"${updated}"}`);
  });
}

function fieldsJson({ core, document: { handle } }: DocumentReadContext, names: readonly string[]): string {
  const members: string[] = [];
  for (const name of new Set(names)) {
    const field = core.get(handle, name);
    if (field !== undefined && !field.deleted) members.push(`${quote(name)}:${field.value}`);
  }
  return `{${members.join(',')}}`;
}

/** The stamps of those who hold fields, and the last commit where all is durable: a vector for `sync_request`. */
function clockJson({ core, document }: DocumentReadContext, { tag }: DocumentReadHead): string {
  const commits = String(document.commits.last) === tag ? document.commits.last : undefined;
  const entries: string[] = commits === undefined ? [] : [`"${COMMITS_ENTRY}":${commits}`];
  let largest = 0;
  for (const { clientId, stamp } of core.writers(document.handle)) {
    largest = Math.max(largest, stamp);
    if (clientId !== 'server' && !isClaim(clientId)) entries.push(`${quote(clientId)}:${stamp}`);
  }
  return `{${[`"server":${largest}`, ...entries].join(',')}}`;
}
