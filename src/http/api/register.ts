/** Adds the HTTP API to the node's app. */
import type { TemplatedApp } from 'uWebSockets.js';
import { BodyMemory } from '../body.js';
import { Idempotency } from '../documents/idempotency.js';
import { documentRoutes } from '../documents/routes.js';
import type { ApiDeps } from './ports.js';
import { createHandler } from './serve.js';

/** What the API takes of the process's memory. */
export interface ApiUsage {
  readonly bodies: Pick<BodyMemory, 'bytes'>;
  readonly answers: Pick<BodyMemory, 'bytes'>;
  readonly idempotency: Pick<Idempotency, 'keys'>;
}

export function registerApi(app: TemplatedApp, deps: ApiDeps): ApiUsage {
  const { maxHttpBodyBytes, maxHttpAnswerBytes, maxIdempotencyKeys: maxKeys, idempotencyMs: keepMs } = deps.config;
  const bodies = new BodyMemory(maxHttpBodyBytes);
  const answers = new BodyMemory(maxHttpAnswerBytes);
  const idempotency = new Idempotency({ maxKeys, keepMs });
  const handle = createHandler({ ...deps, bodies, answers }, documentRoutes(idempotency));
  app.any('/documents', handle);
  app.any('/documents/*', handle);
  return { bodies, answers, idempotency };
}
