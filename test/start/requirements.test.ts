import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { refusalOf, supportedNodes, type Runtime } from '../../src/start/requirements.js';
import { packageFolder } from '../../src/version.js';

const good: Runtime = { version: 'v22.1.0', platform: 'linux', arch: 'x64', glibc: '2.41', loadError: undefined };

test('what runs is not refused, what does not is refused in one sentence', (t) => {
  for (const version of ['v20.12.0', 'v20.20.0', 'v22.0.0', 'v24.21.0', 'v25.9.0']) {
    t.equal(refusalOf({ ...good, version }), undefined, version);
  }
  t.equal(refusalOf({ ...good, platform: 'darwin', glibc: undefined }), undefined);
  const refused: [Partial<Runtime>, RegExp][] = [
    [{ version: 'v18.20.0' }, /v18\.20\.0 can't run this server: use Node\.js 22 or 24/],
    [{ version: 'v20.11.1' }, /can't run this server/],
    [{ version: 'v23.0.0' }, /can't run this server/],
    [{ version: 'v26.0.0' }, /v26\.0\.0 can't run this server/],
    [{ platform: 'win32' }, /not on win32/],
    [{ glibc: undefined, loadError: 'Error loading shared library' }, /no build for musl \(Alpine\)/],
    [{ glibc: '2.36', loadError: "/lib/libc.so.6: version `GLIBC_2.38' not found" }, /needs glibc 2\.38.*has 2\.36/],
    [{ loadError: "Cannot find module 'uWebSockets.js'" }, /not installed: run `npm ci`/],
    [{ arch: 's390x', loadError: "Cannot find module './uws_linux_s390x_127.node'" }, /can't be loaded on linux s390x/],
  ];
  for (const [runtime, sentence] of refused) {
    const said = refusalOf({ ...good, ...runtime });
    t.match(said, sentence);
    t.notMatch(said, /\n/);
  }
  t.end();
});

test('package.json allows the same versions of Node', (t) => {
  const { engines } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  t.same(
    Array.from(engines.node.matchAll(/\^(\d+)/g), ([, major]) => Number(major)),
    supportedNodes,
  );
  t.end();
});
