/** Rules for the fields of documents: JSON Schemas, each for the documents whose ids begin with a prefix. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv';
import { parseValue } from '../protocol/json/parse-value.js';
import { DocumentSchemaError, parseSchema } from './schema-file.js';

/** What is to be written into one field. */
export interface FieldChange {
  readonly field: string;
  /** The value as JSON text. */
  readonly value: string;
  /** Whether the field is removed. */
  readonly deleted: boolean;
}

interface PrefixSchema {
  readonly prefix: string;
  readonly file: string;
  /** Fields that can't be removed. */
  readonly required: ReadonlySet<string>;
  /** Of an object that has just the field that is written. */
  readonly validate: ValidateFunction;
}

/** Characters of a reason: paths and patterns may be long. */
const MAX_REASON = 300;

export class Schemas {
  /** The longest prefix first. */
  readonly #schemas: readonly PrefixSchema[];

  constructor(schemas: readonly PrefixSchema[]) {
    this.#schemas = schemas.toSorted((a, b) => b.prefix.length - a.prefix.length);
  }

  /** How many there are. */
  get count(): number {
    return this.#schemas.length;
  }

  /**
   * Checks each change by the schema with the longest prefix of the document's id.
   *
   * @returns Why one of them is not allowed; undefined if all are, or there is no schema for the document.
   */
  reasonAgainst(documentId: string, changes: readonly FieldChange[]): string | undefined {
    const schema = this.#schemas.find(({ prefix }) => documentId.startsWith(prefix));
    if (schema === undefined) return undefined;
    for (const change of changes) {
      const reason = reasonOf(schema, change);
      if (reason !== undefined) return reason.slice(0, MAX_REASON);
    }
    return undefined;
  }
}

function reasonOf({ required, validate }: PrefixSchema, { field, value, deleted }: FieldChange): string | undefined {
  if (deleted) return required.has(field) ? `/${field} is required` : undefined;
  if (validate({ [field]: parseValue(value) })) return undefined;
  const [error] = validate.errors ?? [];
  // What is wrong with the name of a field is reported of the object that has it.
  const path = error?.instancePath === '' ? `/${field}` : (error?.instancePath ?? '');
  return `${path} ${error?.message ?? 'is not allowed'}`;
}

/**
 * Reads all files `*.json` of a folder.
 *
 * @throws {DocumentSchemaError} For the first that can't be used, or if there is none.
 */
export async function readSchemas(directory: string): Promise<Schemas> {
  let names: string[];
  try {
    names = (await readdir(directory)).filter((name) => name.endsWith('.json')).sort();
  } catch (error) {
    throw new DocumentSchemaError(
      `SCHEMA_DIR can't be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  if (names.length === 0)
    throw new DocumentSchemaError(`SCHEMA_DIR has no schema: there is no file *.json in ${directory}.`);
  const files = names.map((name) => join(directory, name));
  const schemas: PrefixSchema[] = [];
  for (const file of files) {
    const schema = await parseSchema(file, await readFile(file, 'utf8'));
    const other = schemas.find(({ prefix }) => prefix === schema.prefix);
    if (other !== undefined) throw new DocumentSchemaError(`${other.file} and ${file} are for the same prefix.`);
    schemas.push({ ...schema, file });
  }
  return new Schemas(schemas);
}
