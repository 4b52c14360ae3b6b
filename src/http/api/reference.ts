/** Generates docs/http.md from the description of the HTTP API. */
import type { z } from 'zod';
import type { RouteSpec } from './route.js';

/** The text of docs/http.md. */
export function httpReference(specs: readonly RouteSpec[]): string {
  return `${introduction}\n\n${specs.map(entry).join('\n\n')}\n`;
}

const introduction = `# Documents over HTTP

<!-- Generated from src/http by \`npm run docs\`. Do not edit. -->

For backends, and for networks that refuse WebSockets. \`GET /openapi.json\` describes the same routes for tools, as OpenAPI
3.1. Credentials are a token in \`Authorization: Bearer …\` or an API key in \`X-API-Key\`; permissions and budgets are those of
a WebSocket, and all requests of one address count together. Errors have the body \`{"error": "…", "code": "…"}\`; the codes
are those of [errors.md](errors.md).

An \`ETag\` stands for a state of a document on every node. Conditions are checked where the write is merged; two conditional
writes that reach two nodes within the same moment may both succeed, and are merged like all others. A write by HTTP counts
as one that has seen everything that the server had received when it came.

<!-- not run: the last one goes on until it is stopped; test/e2e/http sends the same requests -->

\`\`\`sh
curl -X PATCH localhost:8080/documents/todo -H 'Content-Type: application/json' -d '{"title":"Milk","done":null}'
curl 'localhost:8080/documents/todo?fields=title'
curl -N localhost:8080/documents/todo/events
\`\`\``;

function entry({ method, path, summary, description, query, headers, body, answers }: RouteSpec): string {
  const parts = [`## \`${method.toUpperCase()} ${path}\``, `${summary}.`];
  if (description !== undefined) parts.push(description);
  const parameters = [...listed(query, 'query'), ...listed(headers, 'header')];
  if (parameters.length > 0) parts.push(parameters.join('\n'));
  if (body !== undefined)
    parts.push(`Body: ${body.contentTypes.map((type) => `\`${type}\``).join(' or ')}. ${body.description}`);
  parts.push(
    Object.entries(answers)
      .map(([status, about]) => `- ${status}: ${about.description}`)
      .join('\n'),
  );
  return parts.join('\n\n');
}

function listed(schema: z.ZodObject | undefined, place: string): string[] {
  return Object.entries(schema?.shape ?? {}).map(([name, part]) => {
    const { description = '' } = part as z.ZodType;
    return `- \`${name}\` (${place}): ${description}`;
  });
}
