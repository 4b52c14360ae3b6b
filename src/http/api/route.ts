/** What a route of the HTTP API is: how it is asked and answered, for the checks and for the OpenAPI description alike. */
import { z } from 'zod';
import type { Answer } from '../answer.js';
import type { DocumentClient } from './ports.js';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** How an answer is described. */
export interface AnswerSpec {
  readonly description: string;
  /** Of its body; undefined for none. */
  readonly schema?: z.ZodType;
  /** By default `application/json`. */
  readonly contentType?: string;
  /** Names of headers, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteSpec {
  readonly method: Method;
  /** Such as `/documents/{id}`. */
  readonly path: string;
  /** Names the operation in OpenAPI. */
  readonly operation: string;
  readonly summary: string;
  /** Paragraphs of Markdown. */
  readonly description?: string;
  readonly tag: string;
  /** What comes besides in the query is refused. */
  readonly query?: z.ZodObject;
  /** Header names in lower case. */
  readonly headers?: z.ZodObject;
  readonly body?: {
    readonly contentTypes: readonly string[];
    /** What it is as a whole; it is checked where it is read. */
    readonly schema: z.ZodType;
    /** The same for content types of which it is another. */
    readonly schemas?: Readonly<Record<string, z.ZodType>>;
    readonly description: string;
  };
  /** By status. */
  readonly answers: Readonly<Record<string, AnswerSpec>>;
}

/** A request that has the right form. */
export interface Call {
  readonly client: DocumentClient;
  /** Of the path; a document's id is one. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: unknown;
  /** The headers that the route names, by their names in lower case; empty for one that is missing. */
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: Buffer;
  readonly requestId: string;
  readonly address: string;
}

export interface Route {
  readonly spec: RouteSpec;
  /** Undefined for the stream of a document's events, which `serveEvents` answers. */
  readonly handle: ((call: Call) => Promise<Answer>) | undefined;
}

/** An error, as every route answers it. */
export const errorSchema = z.object({
  error: z.string().describe('A sentence. Its beginning is that of the code.'),
  code: z.string().describe('Stable; docs/errors.md lists them.'),
});

/** The id of a document in a path. */
export const documentIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_:-]{1,256}$/)
  .describe('The id of a document.');
