/** The HTTP API of documents. */
import type { TemplatedApp } from 'uWebSockets.js';
import { BodyMemory } from '../body.js';
import { Idempotency } from '../documents/idempotency.js';
import { documentRoutes } from '../documents/routes.js';
import { changesRoutes } from '../changes/routes.js';
import { snapshotRoutes } from '../snapshots/routes.js';
import type { ApiDeps } from './ports.js';
import { createHandler } from './serve.js';

/** With what it takes of the process's memory. */
export interface Api {
  readonly bodies: Pick<BodyMemory, 'bytes'>;
  readonly answers: Pick<BodyMemory, 'bytes'>;
  readonly idempotency: Pick<Idempotency, 'keys'>;
  /** Adds its routes to an app. */
  readonly register: (app: TemplatedApp) => void;
}

export function createApi(deps: ApiDeps): Api {
  const { maxHttpBodyBytes, maxHttpAnswerBytes, maxIdempotencyKeys: maxKeys, idempotencyMs: keepMs } = deps.config;
  const bodies = new BodyMemory(maxHttpBodyBytes);
  const answers = new BodyMemory(maxHttpAnswerBytes);
  const idempotency = new Idempotency({ maxKeys, keepMs });
  const routes = [
    ...documentRoutes(idempotency, deps.config),
    ...snapshotRoutes(deps.snapshots),
    ...changesRoutes(deps.changes),
  ];
  const handle = createHandler({ ...deps, bodies, answers }, routes);
  const register = (app: TemplatedApp): void => {
    app.any('/documents', handle);
    app.any('/documents/*', handle);
    app.any('/snapshots/*', handle);
    app.any('/changes', handle);
  };
  return { bodies, answers, idempotency, register };
}
