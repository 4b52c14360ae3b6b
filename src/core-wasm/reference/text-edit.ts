/** Edits as changes of the reference implementation. */
import type { ClusterId, TextEdit } from '../lib/text-edit.js';
import type { TextChanges } from './text-changes.js';
import type { TextId } from './text-state.js';

/** @param clock Of the text before. */
export function editOf({ author, inserts, marks }: TextEdit, clock: number): TextChanges {
  const blocks = inserts.map(({ text, clock: last, left, right }) => ({
    id: { author, clock: last, offset: 0 },
    text,
    left: originOf(left),
    right: originOf(right),
    deleted: false,
  }));
  return { state: { blocks, clock, clientId: '' }, marks };
}

function originOf(id: ClusterId | undefined): TextId | null {
  return id === undefined ? null : { author: id.author, clock: id.clock, offset: 0 };
}
