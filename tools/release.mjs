/**
 * `npm run release -- 1.2.3`: the version in package.json and the lock file, the changelog, the package, a commit and a tag.
 * Nothing is pushed or published; the workflow release.yml takes over when the tag is pushed.
 *
 *   npm run release -- 1.2.3 --dry-run    changes nothing, and prints what would be done
 *   node tools/release.mjs --notes 1.2.3  prints the notes of a version
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const path = (name) => join(root, name);
const files = ['package.json', 'package-lock.json', 'CHANGELOG.md'];

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, notes: { type: 'string' } },
  allowPositionals: true,
});
const changelog = readFileSync(path('CHANGELOG.md'), 'utf8');

if (values.notes !== undefined) console.log(section(values.notes));
else release(positionals[0] ?? '', values['dry-run'] === true);

function release(version, isDry) {
  const { version: present, name } = JSON.parse(readFileSync(path('package.json'), 'utf8'));
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) fail('Which version? npm run release -- 1.2.3');
  if (!isNewer(version, present)) fail(`${version} is not newer than ${present}.`);
  const notes = section('Unreleased');
  if (notes === '') fail('CHANGELOG.md has nothing under “Unreleased”.');
  if (!isDry && run('git', 'status', '--porcelain') !== '') fail('There are changes that are not committed.');

  const before = files.map((file) => readFileSync(path(file)));
  try {
    writeVersion(version);
    const day = new Date().toISOString().slice(0, 10);
    writeFileSync(
      path('CHANGELOG.md'),
      changelog.replace(/^## Unreleased$/m, `## Unreleased\n\n## ${version} – ${day}`),
    );
    const packed = run('npm', 'pack', '--ignore-scripts', '--json', ...(isDry ? ['--dry-run'] : []));
    const [{ filename, size, entryCount }] = Object.values(JSON.parse(packed));
    console.log(`${name} ${version}: ${filename}, ${entryCount} files, ${Math.round(size / 1024)} KiB\n\n${notes}\n`);
    if (isDry) {
      console.log('Nothing was changed.');
    } else {
      run('git', 'commit', '--quiet', '--message', `Release ${version}`, '--', ...files);
      run('git', 'tag', '--annotate', `v${version}`, '--message', `${version}\n\n${notes}`);
      console.log(`Committed and tagged. Next: git push --follow-tags`);
    }
  } catch (error) {
    restore(before);
    throw error;
  }
  if (isDry) restore(before);
}

function writeVersion(version) {
  for (const file of ['package.json', 'package-lock.json']) {
    const content = JSON.parse(readFileSync(path(file), 'utf8'));
    content.version = version;
    if (content.packages !== undefined) content.packages[''].version = version;
    writeFileSync(path(file), `${JSON.stringify(content, null, 2)}\n`);
  }
}

function restore(contents) {
  for (const [at, file] of files.entries()) writeFileSync(path(file), contents[at]);
}

/** What the changelog says of a version. */
function section(title) {
  const [, after = ''] = changelog.split(new RegExp(`^## ${title.replaceAll('.', '\\.')}\\b.*$`, 'm'));
  return after.split(/^## /m)[0].trim();
}

function isNewer(version, present) {
  const parts = (text) => text.split(/[.-]/).map(Number);
  const [left, right] = [parts(version), parts(present)];
  const at = left.findIndex((part, i) => part !== right[i]);
  return at >= 0 && left[at] > right[at];
}

function run(program, ...args) {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8' }).trim();
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
