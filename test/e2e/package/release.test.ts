/** `npm run release` in a copy of what it changes. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { folder } from '../../support/nodes/fixture.js';
import { packageFolder } from '../../../src/version.js';

const kept = [
  'package.json',
  'package-lock.json',
  'CHANGELOG.md',
  'tools/release.mjs',
  'tools/prepare.mjs',
  'README.md',
  'LICENSE',
];
const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };

async function copy(t: Test) {
  const root = await folder(t);
  mkdirSync(join(root, 'tools'));
  for (const file of kept) cpSync(join(packageFolder, file), join(root, file));
  const env = { PATH: process.env['PATH'], HOME: root, npm_config_cache: join(root, '.npm'), ...identity };
  const run = (program: string, ...args: string[]) => spawnSync(program, args, { cwd: root, env, encoding: 'utf8' });
  run('git', 'init', '--quiet');
  run('git', 'add', ...kept);
  run('git', 'commit', '--quiet', '--message', 'all');
  const contents = () => kept.map((file) => readFileSync(join(root, file), 'utf8'));
  return { run, contents, release: (...args: string[]) => run(process.execPath, 'tools/release.mjs', ...args) };
}

test('a dry run shows the notes and the package, and changes nothing', async (t) => {
  const { run, contents, release } = await copy(t);
  const before = contents();
  const { status, stdout, stderr } = release('9.0.0', '--dry-run');
  t.equal(status, 0, stderr);
  t.match(stdout, /9\.0\.0: synckit-server-uws-9\.0\.0\.tgz, \d+ files[^]*Nothing was changed\./);
  t.strictSame(contents(), before);
  t.equal(run('git', 'tag').stdout, '');
});

test('a release writes the version, dates the changelog, commits and tags', async (t) => {
  const { run, contents, release } = await copy(t);
  const { status, stderr } = release('9.0.0');
  t.equal(status, 0, stderr);
  const [manifest = '', lock = '', changelog = ''] = contents();
  t.match(JSON.parse(manifest), { version: '9.0.0' });
  t.match(JSON.parse(lock), { version: '9.0.0', packages: { '': { version: '9.0.0' } } });
  t.match(changelog, /^## Unreleased\n\n## 9\.0\.0 – \d{4}-\d\d-\d\d$/m);
  t.equal(run('git', 'tag').stdout, 'v9.0.0\n');
  t.equal(run('git', 'log', '-1', '--format=%s').stdout, 'Release 9.0.0\n');
  t.match(release('--notes', '9.0.0').stdout, /^### Added/);
  t.match(release('8.0.0').stderr, /8\.0\.0 is not newer than 9\.0\.0/);
  t.match(release('9.0.1').stderr, /nothing under “Unreleased”/);
});

test('what is not committed stops a release', async (t) => {
  const { run, release } = await copy(t);
  run('sh', '-c', 'echo >> README.md');
  const { status, stderr } = release('9.0.0');
  t.equal(status, 1);
  t.match(stderr, /changes that are not committed/);
});
