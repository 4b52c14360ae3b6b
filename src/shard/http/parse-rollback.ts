import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import type { RollbackPlan, RollbackReceipt } from '../../messages/history.js';
import type { PatchOrigin } from '../../protocol/merge-patch.js';
import { DELETED_VALUE, type SetOperation } from '../../protocol/operations.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { HttpOperations } from './http-operations.js';

/**
 * What takes changes back: fields, and a text, that hold by now what the plan does not know of stay as they are. The receipt is a
 * `RollbackReceipt` in JSON.
 *
 * @param body A `RollbackPlan` of this server.
 */
export function parseRollback(
  { core, texts }: { readonly core: FieldsStore; readonly texts: TextStore },
  { handle, text: present }: LoadedDocument,
  body: Buffer,
  origin: PatchOrigin,
): HttpOperations {
  const { sets: wanted, text: content, expectedText } = JSON.parse(body.toString()) as RollbackPlan;
  const sets: SetOperation[] = [];
  const stays: number[] = [];
  wanted.forEach(({ field, value, expected }, i) => {
    const current = core.get(handle, field);
    const held = current === undefined || current.deleted ? null : current.value;
    // It is so already when the request comes a second time.
    if (held === value) return;
    if (held !== expected) {
      stays.push(i);
      return;
    }
    const written = value ?? DELETED_VALUE;
    sets.push({ field, value: written, deleted: value === null, ...origin, counter: undefined, clientId: undefined });
  });
  const shown = present === undefined ? '' : texts.text(present.handle);
  const isOther = content !== undefined && content !== shown;
  const keepsText = isOther && expectedText !== undefined && expectedText !== shown;
  const isText = isOther && !keepsText;
  const receipt = JSON.stringify({ stays, isText, keepsText } satisfies RollbackReceipt);
  return { sets, texts: [], relays: [], receipt, ...(isText ? { content } : {}) };
}
