import type { ValidateFunction } from 'ajv';
import { z } from 'zod';

/** A schema can't be used. The message is a sentence for the operator. */
export class DocumentSchemaError extends Error {
  override readonly name = 'DocumentSchemaError';
}

/** The prefix of document ids that a schema is for; of all documents when it is empty. */
const PREFIX = 'x-document-prefix';

/**
 * What may stand at the top of a schema. Fields are written one by one, so there is nothing that a rule about several of
 * them, or about how many there are, could be checked with.
 */
const head = z.object({
  [PREFIX]: z.string().max(256),
  $schema: z.string().optional(),
  type: z.literal('object').optional(),
  required: z.array(z.string()).optional(),
});
const others = new Set([
  ...['$id', '$comment', '$defs', 'definitions', 'title', 'description', 'examples', 'default'],
  ...['properties', 'patternProperties', 'additionalProperties', 'propertyNames'],
]);

export interface ParsedSchema {
  readonly prefix: string;
  readonly required: ReadonlySet<string>;
  /** Of an object with some of the fields. */
  readonly validate: ValidateFunction;
}

/**
 * Compiles a JSON Schema of draft 2020-12, or of draft 7 if `$schema` says so, with the usual formats.
 *
 * @param file Its name, for errors.
 * @throws {DocumentSchemaError}
 */
export async function parseSchema(file: string, text: string): Promise<ParsedSchema> {
  const json = parse(file, text);
  const read = head.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new DocumentSchemaError(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
  }
  const known = read.data;
  const wrong = Object.keys(json as object).find((key) => !(key in head.shape) && !others.has(key));
  if (wrong !== undefined) {
    throw new DocumentSchemaError(`${file}: "${wrong}" can't stand at the top: fields are checked one by one.`);
  }
  const { [PREFIX]: prefix, required = [], ...schema } = json as z.infer<typeof head>;
  const { $schema: draft, ...rules } = schema;
  try {
    const ajv = await compiler(draft);
    return { prefix, required: new Set(required), validate: ajv.compile({ ...rules, type: known.type ?? 'object' }) };
  } catch (error) {
    throw new DocumentSchemaError(`${file}: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    });
  }
}

/**
 * Keywords that nobody knows are refused: they are misspelt. What is only unusual is not. What every object inherits, such
 * as `constructor`, is nothing that was written.
 */
const options = {
  strictSchema: true,
  strictTypes: false,
  strictTuples: false,
  logger: false,
  ownProperties: true,
} as const;

/** Imported only when there are schemas. */
async function compiler(draft: string | undefined): Promise<{ compile(schema: object): ValidateFunction }> {
  const { default: addFormats } = await import('ajv-formats');
  const { Ajv } = await import('ajv');
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const ajv = draft?.includes('draft-07') === true ? new Ajv(options) : new Ajv2020(options);
  addFormats.default(ajv);
  return ajv;
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DocumentSchemaError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
