import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { packageFolder } from '../src/version.js';

test('dashboard, alerts and runbook agree with each other and with the table of metrics', async (t) => {
  const { stderr } = await promisify(execFile)(process.execPath, [join(packageFolder, 'grafana/lint.mjs')]);
  t.equal(stderr, '');
});
