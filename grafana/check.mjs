/**
 * `npm run check:grafana`, after `npm run build`: two servers on one port under load, a Prometheus that scrapes them with
 * the configuration of this folder, and every query of the dashboard and of the alerts against it. Fails when one
 * returns nothing. Takes about a minute and a half, five at most; listens on the loopback interface only.
 *
 * With `--picture <file>` it also draws the dashboard with what was seen.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { URL, fileURLToPath } from 'node:url';

const LIMIT_MS = 300_000;
const { performance } = globalThis;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const started = performance.now();

/** What has to be ended, whatever happens. */
const running = [];
const directory = mkdtempSync(join(tmpdir(), 'synckit-grafana-'));

function log(text) {
  console.log(`${((performance.now() - started) / 1_000).toFixed(1).padStart(5)} s  ${text}`);
}

/** Alerts without a `for` whose cause the load brings about: these fire for real. */
const provokedAlerts = [
  'SyncKitCommitFailures',
  'SyncKitConnectionsRejected',
  'SyncKitOverloaded',
  'SyncKitWritesRefused',
];

async function check() {
  promtool('check', 'rules', here('alerts.yml'));
  promtool('check', 'config', here('prometheus.yml'));
  promtool('test', 'rules', here('alerts.test.yml'));
  const { lint } = await import('./lint.mjs');
  const problems = await lint();
  log('promtool has checked configuration and rules, and tested that each alert fires');

  const { freePorts, metricsToken, Server, writeSchemas } = await import('./check/servers.mjs');
  const { Prometheus, writeConfig } = await import('./check/prometheus.mjs');
  const [port, metricsPort, prometheusPort] = await Promise.all([freePorts(1), freePorts(2), freePorts(1)]);
  const schemas = writeSchemas(directory);
  const servers = [0, 1].map(
    (instance) => new Server({ instance, port, metricsPort, directory: join(directory, 'data'), schemas }),
  );
  const prometheus = new Prometheus(prometheusPort);
  running.push(...servers, prometheus);
  const targets = servers.map(({ target }) => target);
  const config = writeConfig(directory, { targets, token: metricsToken });
  promtool('check', 'config', config);
  await Promise.all(servers.map((server) => server.start()));
  await prometheus.start(config, directory);
  const from = Date.now() / 1_000;
  log(`two servers on port ${port}, scraped at ${targets.join(' and ')}`);

  const load = await makeLoad(`ws://127.0.0.1:${port}/ws`, servers);
  await sleep(3_000);
  const time = { from, to: Date.now() / 1_000 };

  const { metrics } = await import('../dist/src/metrics/table.js');
  const { labelSets } = await import('../dist/src/metrics/spec.js');
  const { dashboard } = await import('./dashboard.mjs');
  const { checkAlerts, checkDashboard, queriesOf } = await import('./check/queries.mjs');
  const { findUncounted } = await import('./check/coverage.mjs');
  problems.push(...(await findUncounted(prometheus, Object.values(metrics), labelSets, time)));
  problems.push(...(await checkDashboard(prometheus, dashboard, targets, time)));
  log(`${queriesOf(dashboard).length} queries of the dashboard, for both processes together and each`);
  const alerts = await checkAlerts(prometheus, time);
  problems.push(...alerts.problems);
  const fired = new Set(
    (await prometheus.range('ALERTS{alertstate="firing"}', time)).map(({ labels }) => labels.alertname),
  );
  problems.push(...provokedAlerts.filter((name) => !fired.has(name)).map((name) => `${name} did not fire`));
  log(`${alerts.names.length} alerts; fired during the load: ${[...fired].sort().join(', ')}`);
  if (process.argv[2] === '--picture') {
    const { picture } = await import('./picture.mjs');
    writeFileSync(process.argv[3], await picture(prometheus, dashboard, time));
  }
  await load.stop();
  for (const { options, complaints } of servers) {
    for (const [text, count] of complaints) log(`process ${options.instance} logged ${count} times: ${text}`);
  }
  return problems;
}

/**
 * Everything that the panels count; most of it twice, as the kernel may have given one process all of it. The clients that
 * behave go on.
 */
async function makeLoad(url, [first, second]) {
  const { Load } = await import('./check/load.mjs');
  const load = new Load(url);
  load.startSteady(3, 4);
  for (const round of [1, 2]) {
    await Promise.all([
      load.ask(),
      load.type(),
      load.leave(),
      load.browse(round),
      load.meet(),
      load.authenticate(),
      load.request(),
      load.manage(),
    ]);
    await load.garbage();
    await load.exceed();
    await load.stall();
    await load.crowd();
    log(`round ${round} of the load`);
  }
  await breakDisk(first, load);
  await load.insist(8, 3);
  first.mendDisk();
  log('the disk of the first process has failed for a while');
  // A drain that sends the first clients away and then has to wait for the disk, so that the others are seen draining.
  const insisting = load.insist(30, 6);
  await sleep(500);
  const stopped = second.stop();
  await sleep(1_200);
  await breakDisk(second, load);
  await sleep(2_500);
  second.mendDisk();
  const code = await stopped;
  await insisting;
  if (code !== 0) throw new Error(`the second process ended with ${code} when it was stopped`);
  await second.start();
  log('the second process has been restarted');
  return load;
}

/** Not in the middle of a commit: LMDB gives up for good when it is its last page that cannot be written. */
async function breakDisk(server, load) {
  load.pause();
  await sleep(500);
  await server.idle();
  server.breakDisk();
  load.resume();
}

function promtool(...args) {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error('prometheus and promtool are needed: apt-get install prometheus');
  if (status !== 0) throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`);
}

function cleanUp() {
  for (const part of running) part.kill();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

process.once('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const deadline = setTimeout(() => {
  console.error('the check took too long');
  process.exit(1);
}, LIMIT_MS);

try {
  if (!existsSync(here('../dist/src/main.js'))) throw new Error('there is no build: npm run build');
  const problems = await check();
  for (const part of running) await part.stop();
  for (const problem of problems) console.error(`FAILED: ${problem}`);
  log(problems.length === 0 ? 'all is well' : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
clearTimeout(deadline);
// Whatever a client may still hold open.
process.exit();
