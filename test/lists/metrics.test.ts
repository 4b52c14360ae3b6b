import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';

test('every metric has a panel, and dashboard, alerts and runbook agree with the table', (t) => {
  const { status, stderr } = spawnSync(process.execPath, [join(packageFolder, 'grafana/lint.mjs')], {
    encoding: 'utf8',
  });
  t.equal(stderr, '');
  t.equal(status, 0);
  t.end();
});
