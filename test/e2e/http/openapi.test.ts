import { Validator } from '@seriousme/openapi-schema-validator';
import { test } from 'tap';
import { adminSpecs } from '../../../src/http/admin/specs.js';
import type { ChangesPort } from '../../../src/http/changes/ports.js';
import { changesRoutes } from '../../../src/http/changes/routes.js';
import { documentRoutes } from '../../../src/http/documents/routes.js';
import { Idempotency } from '../../../src/http/documents/idempotency.js';
import type { SnapshotsPort } from '../../../src/http/snapshots/ports.js';
import { snapshotRoutes } from '../../../src/http/snapshots/routes.js';
import { server } from '../../support/nodes/fixture.js';

test('/openapi.json is valid, and describes the routes that are served', async (t) => {
  const to = await server(t);
  const answer = await fetch(`${to.http}/openapi.json`);
  t.equal(answer.headers.get('content-type'), 'application/json');
  const description = (await answer.json()) as { openapi: string; paths: Record<string, Record<string, unknown>> };
  const result = await new Validator().validate(description);
  t.ok(result.valid, JSON.stringify(result.errors));
  t.match(description.openapi, /^3\.1\./);
  const broken = await new Validator().validate({ ...description, paths: { x: 1 } });
  t.notOk(broken.valid, 'the validator tells');

  const described = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  const routes = [
    ...documentRoutes(new Idempotency({ maxKeys: 1, keepMs: 1 }), { historyMaxPageBytes: 1 }),
    // Only their descriptions are looked at.
    ...snapshotRoutes({} as SnapshotsPort),
    ...changesRoutes({} as ChangesPort),
  ];
  const served = [...routes.map(({ spec }) => spec), ...adminSpecs].map(({ method, path }) => `${method} ${path}`);
  t.same(described.sort(), served.sort());
  for (const operation of described) {
    const [method = '', path = ''] = operation.split(' ');
    const { status } = await fetch(to.http + path.replace('{id}', 'none').replace('{snapshotId}', 'none'), {
      method,
      ...(method === 'get' ? {} : { body: '{}' }),
    });
    t.not(status, 405, operation);
    t.notSame(status, 500, operation);
  }
});
