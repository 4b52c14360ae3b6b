/**
 * `node tools/runtime-tree.mjs FOLDER`, after a build: writes what the server needs at run time on this platform and this
 * Node, and nothing else, into an empty folder. Then a server is started from it and drained.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, sep } from 'node:path';

const root = join(import.meta.dirname, '..');
const out = process.argv[2];
if (out === undefined || (existsSync(out) && readdirSync(out).length > 0)) {
  console.error('usage: node tools/runtime-tree.mjs FOLDER (new or empty)');
  process.exit(1);
}
mkdirSync(out, { recursive: true });

copyPackage();
for (const path of productionPackages()) copyModule(path);
console.log(`${out}: ${Math.round(sizeOf(out) / 1024 ** 2)} MiB`);
await start();

/** The files of the package itself, with the bundled core. */
function copyPackage() {
  const packed = mkdtempSync(join(tmpdir(), 'synckit-pack-'));
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', packed];
  execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const [tarball] = readdirSync(packed);
  execFileSync('tar', ['-xzf', join(packed, tarball), '-C', out, '--strip-components=1']);
  rmSync(packed, { recursive: true });
}

/** Paths of the installed packages that are no dev dependencies. The server itself and its core are there already. */
function productionPackages() {
  const args = ['ls', '--omit=dev', '--all', '--parseable'];
  const paths = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  return paths.filter((path) => path !== root && !path.includes(`${sep}@synckit${sep}`));
}

function copyModule(path) {
  cpSync(path, join(out, relative(root, path)), {
    recursive: true,
    // Packages inside it are in the list too, if they are needed.
    filter: (file) => !relative(path, file).split(sep).includes('node_modules') && isNeeded(basename(file)),
  });
}

/** Native builds of other platforms, versions and C libraries are most of the size. */
function isNeeded(name) {
  if (/\.(d\.[cm]?ts|md|map)$/.test(name) || name === 'docs') return false;
  if (!name.endsWith('.node')) return true;
  const { platform, arch, versions } = process;
  if (name.startsWith('uws_')) return name === `uws_${platform}_${arch}_${versions.modules}.node`;
  if (name.includes('.musl.')) return false;
  const [, abi] = /\.abi(\d+)\./.exec(name) ?? [];
  return abi === undefined || abi === versions.modules;
}

function sizeOf(path) {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** Loads every native part: sockets, core and embedded storage. */
async function start() {
  const data = mkdtempSync(join(tmpdir(), 'synckit-try-'));
  const env = { PATH: process.env.PATH, PORT: '0', SYNCKIT_DATA_DIR: data, SHUTDOWN_DRAIN_MS: '0', LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, [join(out, 'dist/src/main.js')], {
    cwd: data,
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', (message) => message === 'ready' && child.kill('SIGTERM'));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  rmSync(data, { recursive: true });
  if (code !== 0) throw new Error(`a server started from ${out} ended with ${code}`);
  console.log('A server started from it and drained.');
}
