/** The OpenAPI description of the HTTP API, made of the schemas that check its requests. */
import { z } from 'zod';
import { documentIdSchema, errorSchema, type AnswerSpec, type RouteSpec } from './route.js';

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiOptions {
  readonly specs: readonly RouteSpec[];
  /** Schemas with names of their own, besides that of errors. */
  readonly named: Readonly<Record<string, z.ZodType>>;
}

/** An OpenAPI 3.1 document. */
export function openApiOf({ specs, named }: OpenApiOptions): Json {
  const schemas: Readonly<Record<string, z.ZodType>> = { Error: errorSchema, ...named };
  const names = new Map(Object.entries(schemas).map(([name, schema]) => [schema, name]));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const spec of specs) (paths[spec.path] ??= {})[spec.method] = operationOf(spec, names);
  return {
    openapi: '3.1.1',
    info: {
      title: 'SyncKit server',
      version: '1',
      description: 'Documents over HTTP. WebSockets, which docs/protocol.md describes, are the way for live clients.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    // None: a server may let everybody in.
    security: [{ token: [] }, { apiKey: [] }, {}],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, answerSchema(schema)])),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

type Names = ReadonlyMap<z.ZodType, string>;

function operationOf(spec: RouteSpec, names: Names): Json {
  const { body, operation, summary, description, tag } = spec;
  const parameters = parametersOf(spec);
  return {
    ...{ operationId: operation, summary, tags: [tag] },
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            ...{ required: true, description: body.description },
            content: Object.fromEntries(
              body.contentTypes.map((type) => [type, { schema: input(body.schemas?.[type] ?? body.schema) }]),
            ),
          },
        }),
    responses: Object.fromEntries(
      Object.entries(spec.answers).map(([status, answer]) => [status, responseOf(answer, names)]),
    ),
  };
}

function parametersOf({ path, query, headers }: RouteSpec): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true },
    schema: input(name === 'id' ? documentIdSchema : z.string()),
  }));
  const named = (schema: z.ZodObject | undefined, place: 'query' | 'header'): Json[] =>
    Object.entries(schema?.shape ?? {}).map(([name, part]) => {
      const { description, example, ...rest } = input(part as z.ZodType);
      return {
        ...{ name, in: place, required: !(part as z.ZodType).safeParse(undefined).success },
        ...(description === undefined ? {} : { description }),
        ...(example === undefined ? {} : { example }),
        schema: rest,
      };
    });
  return [...inPath, ...named(query, 'query'), ...named(headers, 'header')];
}

function responseOf(
  { description, schema, contentType = 'application/json', headers }: AnswerSpec,
  names: Names,
): Json {
  const named = schema === undefined ? undefined : names.get(schema);
  const content =
    schema === undefined
      ? undefined
      : {
          [contentType]: {
            schema: named === undefined ? answerSchema(schema) : { $ref: `#/components/schemas/${named}` },
          },
        };
  const described = Object.entries(headers ?? {}).map(([name, about]) => [
    name,
    { description: about, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(described.length === 0 ? {} : { headers: Object.fromEntries(described) as Json }),
    ...(content === undefined ? {} : { content }),
  };
}

function input(schema: z.ZodType): Json {
  return withoutDialect(z.toJSONSchema(schema, { io: 'input' }));
}

function answerSchema(schema: z.ZodType): Json {
  return withoutDialect(z.toJSONSchema(schema, { io: 'output' }));
}

/** OpenAPI 3.1 has the dialect that zod names. */
function withoutDialect(schema: object): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema'));
}
