import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import { splitHead, type DocumentWrite } from '../../messages/document-request.js';
import type { WriteRecord } from '../../messages/task.js';
import type { FrameHead } from '../../protocol/frame.js';
import { parseMergePatch } from '../../protocol/merge-patch.js';
import { parseMessage } from '../../protocol/message.js';
import { parseOperations } from '../../protocol/operations.js';
import type { LoadedDocument } from '../documents/documents.js';
import { ticksOf } from '../fields/stamp.js';
import { parseRestore } from './parse-restore.js';
import { parseRollback } from './parse-rollback.js';
import { contentOf } from './text-content.js';
import type { DocumentTags } from './document-tags.js';
import type { HttpOperations } from './http-operations.js';

/** The name by which the acceptor is told that a write by HTTP is durable: each session makes one. */
export const HTTP_MESSAGE_ID = 'http';

export interface ParseHttpWrite {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly tags: DocumentTags;
  readonly maxValueDepth: number;
  /** When the worker began, in ms since the epoch. */
  readonly startedAt: number;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
}

/**
 * The operations of a write by HTTP.
 *
 * @throws {ProtocolError} PRECONDITION_FAILED, INVALID_MESSAGE, INVALID_DELTA, PERMISSION_DENIED, SNAPSHOT_NOT_FOUND, with nothing applied.
 */
export function parseHttpWrite(
  { payload, timestamp }: WriteRecord,
  document: LoadedDocument,
  options: ParseHttpWrite,
): HttpOperations {
  const { core, tags, maxValueDepth: maxDepth } = options;
  const { head, body } = splitHead(payload);
  const { form, erasedAt, ...conditions } = head as DocumentWrite;
  tags.check(document, conditions);
  if (form === 'text' || form === 'textJson') {
    return { sets: [], texts: [], relays: [], content: contentOf(body, form === 'textJson') };
  }
  const origin = { timestamp, clockMax: seenBy(timestamp, document, options) };
  // Erased since: its snapshots were erased with it.
  if (form === 'restore' && erasedAt !== document.erasedAt) throw new ProtocolError('SNAPSHOT_NOT_FOUND');
  if (form === 'restore') return parseRestore(core, document, body, origin, maxDepth);
  if (form === 'rollback') return parseRollback(options, document, body, origin);
  if (form === 'patch') {
    return { sets: parseMergePatch(body, origin, maxDepth), texts: [], relays: [] };
  }
  const frame: FrameHead = {
    kind: 'frame',
    type: 'delta_batch',
    form: 'binary',
    timestamp,
    start: 0,
    end: body.length,
  };
  return parseOperations(parseMessage(body, frame), document.id, maxDepth);
}

/**
 * The stamp up to which a request has seen the document: whoever patches means what the fields hold, whatever the devices
 * of their writers and the clocks of other nodes say. What came before the worker may have been done by the former one,
 * and must not undo what came after it.
 */
function seenBy(timestamp: number, document: LoadedDocument, { startedAt, nextStamp }: ParseHttpWrite): number {
  const atThatTime = ticksOf(timestamp + 1) - 1;
  return timestamp <= startedAt ? atThatTime : Math.max(atThatTime, nextStamp(document), document.horizon?.stamp ?? 0);
}
