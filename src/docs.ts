/** The pages of docs/ that are generated from tables. */
import { configReference } from './config/load.js';
import { errors, type ErrorKind } from './errors.js';
import { metricsReference } from './metrics/reference.js';

export interface Page {
  /** Relative to the package's folder. */
  readonly path: string;
  readonly text: string;
}

export function generatedPages(): readonly Page[] {
  return [
    { path: 'docs/configuration.md', text: configReference() },
    { path: 'docs/errors.md', text: errorReference() },
    { path: 'docs/metrics.md', text: metricsReference() },
  ];
}

function errorReference(): string {
  const entries = Object.entries<ErrorKind>(errors).map(([code, kind]) => entry(code, kind));
  return `${introduction}\n\n${entries.join('\n\n')}\n`;
}

const introduction = `# Errors

<!-- Generated from src/errors.ts by \`npm run docs\`. Do not edit. -->

A client is told of an error by \`error {error, details: {code, documentId?, messageId?}}\`. \`error\` begins with the
sentence given here, and clients may match on that beginning; \`code\` is stable. Authentication errors come as
\`auth_error\` instead, and the connection ends. “Retry” means that the same message may succeed later.`;

function entry(code: string, kind: ErrorKind): string {
  const facts = [`sentence: “${kind.sentence}”`, `retry: ${kind.retryable ? 'yes' : 'no'}`];
  if (kind.closeCode !== undefined) facts.push(`close code, when the connection ends with it: ${kind.closeCode}`);
  return `## \`${code}\`\n\n${kind.meaning}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`;
}
