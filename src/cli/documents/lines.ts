/** The lines of an export, and how they are read: NDJSON, one document in each. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { isDocumentId } from '../../protocol/document-id.js';
import { Fields } from '../../protocol/fields.js';
import { DataError } from '../tools.js';
import { DocumentRefused, type FoundDocument } from './found-document.js';

/** `{"id":…,"fields":{…},"text":…,"updated":…}`, the fields sorted by name, with the values as they were sent. */
export function lineOf({ id, fields, text, updated }: FoundDocument): string {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  const members = sorted.map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const rest = text === undefined ? '' : `,"text":${JSON.stringify(text)}`;
  const time = updated === undefined ? '' : `,"updated":"${new Date(updated).toISOString()}"`;
  return `{"id":${JSON.stringify(id)},"fields":{${members.join(',')}}${rest}${time}}`;
}

/** The inverse. @throws DocumentRefused when the line is no document. */
export function documentOf(line: string): FoundDocument {
  try {
    const members = Fields.entries(line);
    const id: unknown = JSON.parse(members?.get('id')?.json ?? 'null');
    const fields = Fields.entries(members?.get('fields')?.json ?? '{}');
    const text: unknown = JSON.parse(members?.get('text')?.json ?? 'null');
    if (
      typeof id === 'string' &&
      isDocumentId(id) &&
      fields !== undefined &&
      (text === null || typeof text === 'string')
    ) {
      const values = new Map(Array.from(fields, ([name, { json }]) => [name, json]));
      return { id, fields: values, text: text ?? undefined, updated: undefined };
    }
  } catch {
    // It is no JSON.
  }
  throw new DocumentRefused('the line is no document: {"id":…,"fields":{…},"text":…}');
}

/** The lines of a file, or of standard input for `-`. @throws DataError */
export async function* linesOf(file: string): AsyncIterable<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  if (file !== '-') {
    try {
      await once(input, 'open');
    } catch (cause) {
      throw new DataError(`${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  }
  for await (const line of createInterface({ input, crlfDelay: Infinity })) if (line.trim() !== '') yield line;
}

/** Writes a line to standard output; resolves when it may take another. */
export async function writeLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** Counts on standard error, where that is a terminal. */
export class Progress {
  readonly #isShown = process.stderr.isTTY;
  #shownAt = 0;
  count = 0;

  add(id: string): void {
    this.count++;
    const now = performance.now();
    if (!this.#isShown || now < this.#shownAt + 200) return;
    this.#shownAt = now;
    process.stderr.write(`\r\u001b[K${this.count} documents, ${id}`);
  }

  /** @param line What has come of it. */
  end(line: string): void {
    process.stderr.write(`${this.#isShown ? '\r\u001b[K' : ''}${line}\n`);
  }
}
