/** Generates the pages of docs/ that are derived from tables. */
import { configReference, envExample } from './config/load.js';
import type { ErrorKind } from './error-codes.js';
import { errors } from './errors.js';
import { httpReference } from './http/api/reference.js';
import { apiSpecs } from './http/documents/all.js';
import { metricsReference } from './metrics/reference.js';

export interface Page {
  /** Relative to the folder of the package. */
  readonly path: string;
  readonly text: string;
}

/** All generated pages. */
export function generatedPages(): readonly Page[] {
  return [
    { path: 'docs/configuration.md', text: configReference() },
    { path: '.env.example', text: envExample() },
    { path: 'docs/http.md', text: httpReference(apiSpecs) },
    { path: 'docs/errors.md', text: errorReference() },
    { path: 'docs/metrics.md', text: metricsReference() },
  ];
}

function errorReference(): string {
  const entries = Object.entries<ErrorKind>(errors).map(([code, kind]) => entry(code, kind));
  return `${introduction}\n\n${entries.join('\n\n')}\n`;
}

const introduction = `# Errors

<!-- Generated from src/error-codes.ts by \`npm run docs\`. Do not edit. -->

The server reports an error as \`error {error, details: {code, documentId?, messageId?}}\`. \`error\` starts with the
sentence given here, and clients may match on it; \`code\` is stable. Authentication errors are sent as \`auth_error\`
instead, and the connection is closed. “Retry” means that the same message may succeed later.`;

function entry(code: string, kind: ErrorKind): string {
  const facts = [`sentence: “${kind.sentence}”`, `retry: ${kind.retryable ? 'yes' : 'no'}`];
  if (kind.closeCode !== undefined) facts.push(`close code, when the connection is closed with it: ${kind.closeCode}`);
  return `## \`${code}\`\n\n${kind.meaning}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`;
}
