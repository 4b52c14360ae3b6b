/** Changes of a text in the reference implementation: a state of the new blocks, and marks of the others. */
import type { TextMark } from './text-join.js';
import { invalid, parse, readCount, readString, readTextState, writeTextState, type TextState } from './text-state.js';

export interface TextChanges {
  readonly state: TextState;
  readonly marks: readonly TextMark[];
}

export function writeChanges({ state, marks }: TextChanges): string {
  const entries = marks.map(({ author, first, last, deleted }) => [author, first, last, deleted]);
  return JSON.stringify([writeTextState(state), entries]);
}

/** @throws TextRefused */
export function readChanges(text: string): TextChanges {
  const [state, marks] = listOf(parse(text), 2);
  return { state: readTextState(readString(state)), marks: listOf(marks).map(readMark) };
}

function readMark(value: unknown): TextMark {
  const [author, first, last, deleted] = listOf(value, 4);
  const mark = {
    author: readString(author),
    first: readCount(first),
    last: readCount(last),
    deleted: deleted === true,
  };
  if (mark.last < mark.first || typeof deleted !== 'boolean') throw invalid('a mark is out of range');
  return mark;
}

function listOf(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || value.length !== (length ?? value.length)) throw invalid('it is not a change');
  return value as unknown[];
}
