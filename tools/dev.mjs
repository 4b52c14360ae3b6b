/**
 * `npm run dev`: builds, starts the server, and starts it again whenever a change compiles. Log lines are readable, stack
 * traces name the sources. What is wrong with a change is printed, and the server before it runs on.
 *
 * Arguments are handed to node: `npm run dev -- --inspect`. The environment is the server's.
 */
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');
/** Changes of files that follow each other so soon are one, in ms. */
const SETTLE_MS = 200;

let server;
let isBuildingCore = false;
let restartWanted = false;

await buildCore();
watchCore();
await buildPages();
watchPages();
watchServer();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end());

/** The core is AssemblyScript: built as a whole, which takes seconds. @returns Whether it compiles. */
async function buildCore() {
  isBuildingCore = true;
  const code = await ended(spawn('npm', ['run', 'build', '--workspace', '@synckit/core-wasm'], terminal()));
  isBuildingCore = false;
  return code === 0;
}

function watchCore() {
  let timer;
  for (const folder of ['assembly', 'lib', 'reference'])
    watch(join(root, 'src/core-wasm', folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(rebuild, SETTLE_MS);
    });

  async function rebuild() {
    if (isBuildingCore) timer = setTimeout(rebuild, SETTLE_MS);
    else if (await buildCore()) await restart();
  }
}

/** The scripts of the pages. @returns Whether they compile. */
async function buildPages() {
  return (await ended(spawn('npx', ['tsc', '-p', 'src/web/tsconfig.json'], terminal()))) === 0;
}

/** The server reads all files of the pages at its start. */
function watchPages() {
  let timer;
  watch(join(root, 'src/web'), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(async () => (await buildPages()) && (await restart()), SETTLE_MS);
  });
}

/** Compiles what changed, tests and benchmarks included, and restarts when all of it is right. */
function watchServer() {
  const host = ts.createWatchCompilerHost(
    join(root, 'tsconfig.json'),
    {},
    ts.sys,
    ts.createEmitAndSemanticDiagnosticsBuilderProgram,
    (diagnostic) => {
      const names = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
      process.stderr.write(ts.formatDiagnosticsWithColorAndContext([diagnostic], names));
    },
    (status, newLine, options, errors) => {
      if (errors === undefined) return;
      console.error(ts.flattenDiagnosticMessageText(status.messageText, newLine));
      if (errors === 0) void restart();
    },
  );
  ts.createWatchProgram(host);
}

/** One restart at a time: what changes meanwhile leads to one more. */
async function restart() {
  if (restartWanted) return;
  restartWanted = true;
  await stop();
  restartWanted = false;
  server = spawn(process.execPath, ['--enable-source-maps', ...process.argv.slice(2), 'dist/src/main.js'], {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    // Clients of a developer may come back all at once.
    env: { SHUTDOWN_DRAIN_MS: '0', ...process.env },
  });
  const pretty = spawn(process.execPath, [join(root, 'node_modules/pino-pretty/bin.js'), '--ignore', 'pid,node'], {
    ...terminal(),
    stdio: [server.stdout, 'inherit', 'inherit'],
    // The terminal sends Ctrl+C to everybody; who prints the last lines must outlive who writes them.
    detached: true,
  });
  server.printer = pretty;
}

/** Drains the server, so that what it was given is kept. */
async function stop() {
  if (server === undefined) return;
  const { printer } = server;
  server.kill('SIGTERM');
  await Promise.all([ended(server), ended(printer)]);
  server = undefined;
}

async function end() {
  await stop();
  process.exit(0);
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

function terminal() {
  return { cwd: root, stdio: 'inherit' };
}
