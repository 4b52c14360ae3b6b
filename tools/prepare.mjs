/**
 * What npm runs after an installation in a checkout: builds the server, where that is possible and wanted. Otherwise it
 * says so and the installation goes on.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const has = (path) => existsSync(join(root, path));
const isBuilt = has('dist/src/cli.js');

const { npm_command: command, npm_config_ignore_scripts: ignored } = process.env;
if (isBuilt && (command === 'exec' || ignored === 'true')) {
  // `npx synckit-server` in a checkout: what was built is what runs. And npm 10 calls this although it was told not to.
} else if (!has('node_modules/.bin/asc') || !has('node_modules/.bin/tsc')) {
  const then = isBuilt ? 'What is in dist is used.' : 'To build: npm ci --include=dev && npm run build.';
  console.error(`synckit-server: not built, as the compilers are dev dependencies, which were left out. ${then}`);
} else {
  const { status } = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
