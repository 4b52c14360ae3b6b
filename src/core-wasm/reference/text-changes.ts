/** Changes of a text as the twin keeps them: a state with the blocks that are new, and notes about the others. */
import type { TextNote } from './text-join.js';
import { invalid, parse, readCount, readString, readTextState, writeTextState, type TextState } from './text-state.js';

export interface TextChanges {
  readonly state: TextState;
  readonly notes: readonly TextNote[];
}

export function writeChanges({ state, notes }: TextChanges): string {
  const entries = notes.map(({ author, first, last, deleted }) => [author, first, last, deleted]);
  return JSON.stringify([writeTextState(state), entries]);
}

/** @throws TextRefused */
export function readChanges(text: string): TextChanges {
  const [state, notes] = listOf(parse(text), 2);
  return { state: readTextState(readString(state)), notes: listOf(notes).map(readNote) };
}

function readNote(value: unknown): TextNote {
  const [author, first, last, deleted] = listOf(value, 4);
  const note = {
    author: readString(author),
    first: readCount(first),
    last: readCount(last),
    deleted: deleted === true,
  };
  if (note.last < note.first || typeof deleted !== 'boolean') throw invalid('a note makes no sense');
  return note;
}

function listOf(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || value.length !== (length ?? value.length)) throw invalid('it is not a change');
  return value as unknown[];
}
