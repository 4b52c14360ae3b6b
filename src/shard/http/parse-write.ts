import type { FieldsStore } from '@synckit/core-wasm';
import { splitHead, type DocumentWrite } from '../../messages/document-request.js';
import type { WriteRecord } from '../../messages/task.js';
import type { FrameHead } from '../../protocol/frame.js';
import { parseMergePatch } from '../../protocol/merge-patch.js';
import { parseMessage } from '../../protocol/message.js';
import { parseOperations } from '../../protocol/operations.js';
import type { LoadedDocument } from '../documents/documents.js';
import { ticksOf } from '../fields/stamp.js';
import { parseRestore } from './parse-restore.js';
import { contentOf } from './text-content.js';
import type { DocumentTags } from './document-tags.js';
import type { HttpOperations } from './http-operations.js';

/** The name by which the acceptor is told that a write by HTTP is durable: each session makes one. */
export const HTTP_MESSAGE_ID = 'http';

export interface ParseHttpWrite {
  readonly core: FieldsStore;
  readonly tags: DocumentTags;
  readonly maxValueDepth: number;
}

/**
 * The operations of a write by HTTP.
 *
 * @throws {ProtocolError} PRECONDITION_FAILED, INVALID_MESSAGE, INVALID_DELTA, PERMISSION_DENIED, with nothing applied.
 */
export function parseHttpWrite(
  { payload, timestamp }: WriteRecord,
  document: LoadedDocument,
  { core, tags, maxValueDepth: maxDepth }: ParseHttpWrite,
): HttpOperations {
  const { head, body } = splitHead(payload);
  const { form, ...conditions } = head as DocumentWrite;
  tags.check(document, conditions);
  if (form === 'text' || form === 'textJson') {
    return { sets: [], texts: [], relays: [], content: contentOf(body, form === 'textJson') };
  }
  // Whoever patches means what the fields held when the request came, whatever the devices of their writers say.
  const origin = { timestamp, clockMax: ticksOf(timestamp + 1) - 1 };
  if (form === 'restore') return parseRestore(core, document, body, origin, maxDepth);
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
