/**
 * Tells what a `state` of the reference server is. One column holds documents of fields (`{id, fields: {…}}`), texts
 * (`{type: "text", content, crdt, clock}`) and, in older rows, documents whose fields are the state itself.
 */

import { Fields } from '../protocol/fields.js';
import { JsonFault } from '../protocol/json/json-reader.js';
import type { JsonValue } from '../protocol/json/json-source.js';

export type Values = ReadonlyMap<string, JsonValue>;

/** What a state is; `unknown` are keys beside the ones that are read. */
export type ReferenceState =
  | { readonly kind: 'fields'; readonly values: Values; readonly unknown: readonly string[] }
  | {
      readonly kind: 'text';
      /** The state of the text as JSON; undefined when there is none. */
      readonly crdt: string | undefined;
      /** What the text shows, if that is known. */
      readonly content: string | undefined;
      readonly clock: number;
      readonly unknown: readonly string[];
    }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Keys beside `fields`, and in a text, that hold nothing which a client shows. */
const besideFields = new Set(['id', 'fields', 'version', 'clock', 'vectorClock', 'createdAt', 'updatedAt']);
const ofText = new Set(['type', 'content', 'crdt', 'clock', 'id', 'version', 'createdAt', 'updatedAt']);

/**
 * @param id Of the row.
 * @param json The state as JSON text; null for SQL's NULL.
 */
export function readReferenceState(id: string, json: string | null): ReferenceState {
  if (json === null) return unreadable('its state is null');
  const values = entriesOf(json);
  if (values === undefined) {
    return unreadable(json.trim() === 'null' ? 'its state is null' : 'its state is not a JSON object');
  }
  if (isText(values)) return textOf(values);
  const inner = values.get('fields');
  const fields = inner === undefined ? undefined : entriesOf(inner.json);
  if (fields === undefined || !isWrapped(id, values)) return { kind: 'fields', values, unknown: [] };
  return { kind: 'fields', values: fields, unknown: others(values, besideFields) };
}

/**
 * A document may have fields of its own that are called `id` and `fields`. But it would hardly have these two alone, or
 * its own id in one of them.
 */
function isWrapped(id: string, values: Values): boolean {
  const named = stringOf(values.get('id'));
  return named === id || (named !== undefined && values.size === 2);
}

/** A document may have a field `type` that says `text`: only with a `crdt`, or with nothing but the keys of a text, it is one. */
function isText(values: Values): boolean {
  if (stringOf(values.get('type')) !== 'text') return false;
  if (values.has('crdt')) return true;
  return values.has('content') && others(values, ofText).length === 0;
}

function textOf(values: Values): ReferenceState {
  const crdt = values.get('crdt');
  const state = crdt === undefined || crdt.json === 'null' ? undefined : crdt.json;
  const clock = Number(values.get('clock')?.json);
  return {
    kind: 'text',
    // An empty string is no state either.
    crdt: state === undefined ? undefined : contentOfString(state) || undefined,
    content: stringOf(values.get('content')),
    clock: Number.isFinite(clock) ? clock : 0,
    unknown: others(values, ofText),
  };
}

/** The JSON in a JSON string, which may have been encoded more than once; what is no string stays as it is. */
function contentOfString(json: string): string {
  let text = json;
  for (let i = 0; i < 3 && text.startsWith('"'); i++) {
    const content = parse(text);
    if (typeof content !== 'string') break;
    text = content;
  }
  return text;
}

function others(values: Values, known: ReadonlySet<string>): string[] {
  return [...values.keys()].filter((key) => !known.has(key));
}

function stringOf(value: JsonValue | undefined): string | undefined {
  const parsed = value?.json.startsWith('"') === true ? parse(value.json) : undefined;
  return typeof parsed === 'string' ? parsed : undefined;
}

/** The values as they are written: JSON.parse would round their numbers. */
function entriesOf(json: string): Values | undefined {
  try {
    return Fields.entries(json);
  } catch (error) {
    if (error instanceof JsonFault) return undefined;
    throw error;
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

function unreadable(reason: string): ReferenceState {
  return { kind: 'unreadable', reason };
}
