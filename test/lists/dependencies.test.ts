/** What docs/security.md says about the packages that the server runs with. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly deprecated?: string;
}

const read = (...path: string[]): string => readFileSync(join(packageFolder, ...path), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Record<string, Locked> };
const production = Object.entries(lock.packages).filter(
  ([path, { dev, devOptional, link }]) =>
    path.startsWith('node_modules/') && dev !== true && devOptional !== true && link !== true,
);

test('every file of uWebSockets.js that is run is the one whose hash is written down', (t) => {
  const folder = join(packageFolder, 'node_modules/uWebSockets.js');
  const known = new Map(
    read('tools/uwebsockets.sha256')
      .trim()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)] as const),
  );
  const present = readdirSync(folder).filter((name) => /\.(node|js|mjs)$/.test(name));
  const binary = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  t.ok(present.includes(binary), `the one that this process loads is ${binary}`);
  for (const name of present) t.ok(known.has(name), `${name} is in tools/uwebsockets.sha256`);
  for (const [name, hash] of known) {
    const content = readFileSync(join(folder, name));
    t.equal(createHash('sha256').update(content).digest('hex'), hash, name);
  }
  t.equal(lock.packages['node_modules/uWebSockets.js']?.hasInstallScript, undefined, 'nothing is run at its install');
  t.end();
});

test('versions are pinned, and every package in production has a hash in the lock file', (t) => {
  const { dependencies } = JSON.parse(read('package.json')) as { readonly dependencies: Record<string, string> };
  for (const [name, version] of Object.entries(dependencies)) t.match(version, /^(npm:[\w.-]+@)?\d+\.\d+\.\d+$/, name);
  t.ok(production.length > 50);
  for (const [path, { integrity, deprecated }] of production) {
    t.match(integrity, /^sha512-/, path);
    t.equal(deprecated, undefined, `${path} is maintained`);
  }
  t.end();
});

test('licences and install scripts are those that docs/security.md names', (t) => {
  const page = read('docs/security.md');
  const licences = new Set(production.map(([, { license = 'none' }]) => license));
  t.same([...licences].sort(), ['Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT']);
  const scripted = production.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path);
  t.same(scripted.sort(), ['node_modules/lmdb', 'node_modules/msgpackr-extract']);
  for (const name of [...licences, ...scripted.map((path) => path.replace('node_modules/', ''))]) {
    t.ok(page.includes(name), `docs/security.md names ${name}`);
  }
  t.ok(page.includes(`${production.length} packages`), `docs/security.md says that they are ${production.length}`);
  t.end();
});
