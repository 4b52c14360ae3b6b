/**
 * Draws what `npm run bench -- curves` has measured, for docs/performance.md:
 * `node bench/plots/draw.mjs bench/results/curves-….json [folder]`. The library comes into the cache of the peers.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [file, folder = join(here, '../../docs/images')] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node bench/plots/draw.mjs bench/results/curves-….json [folder]');
  process.exit(2);
}
const { rows, conditions } = JSON.parse(readFileSync(file, 'utf8'));
const echarts = library();
mkdirSync(folder, { recursive: true });

const rates = rows.filter(({ sweep }) => sweep === 'rate');
const counts = rows.filter(({ sweep }) => sweep === 'connections');
draw('latency', 'writes a second, 2 000 clients', 'ms from write to client', 'log', [
  ...lines(rates, 'writes/s', 'p50 ms', 'solid'),
  ...lines(rates, 'writes/s', 'p99 ms', 'dashed'),
]);
draw('cpu', 'connections', 'cores', 'value', lines(counts, 'connections', 'CPU cores', 'solid'));
// With fewer, what a server takes besides its connections is most of it.
const many = counts.filter(({ connections }) => Number(connections) >= 2_500);
draw('memory', 'connections', 'KB for each connection', 'value', [
  ...lines(many, 'connections', 'KB/connection idle', 'solid'),
  ...lines(many, 'connections', 'KB/connection loaded', 'dashed'),
]);

/** A line for each server. */
function lines(points, x, y, type) {
  const servers = [...new Set(points.map(({ server }) => server))];
  return servers.map((server, i) => ({
    name: `${server}, ${y.replace(/ ms$|KB\/connection | cores$/g, '')}`,
    type: 'line',
    symbolSize: 6,
    color: ['#767676', '#2f6fde', '#c2410c', '#15803d'][i],
    lineStyle: { type, width: 2 },
    data: points.filter((point) => point.server === server).map((point) => [Number(point[x]), point[y]]),
  }));
}

function draw(name, xName, yName, yType, series) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 760, height: 420 });
  const axis = { nameLocation: 'middle', splitLine: { lineStyle: { color: '#e5e5e5' } } };
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    grid: { left: 64, right: 24, top: 16, bottom: 120 },
    legend: { bottom: 8, itemGap: 28, textStyle: { fontSize: 12 } },
    xAxis: { ...axis, type: 'value', name: xName, nameGap: 28 },
    yAxis: { ...axis, type: yType, name: yName, nameGap: 44 },
    series,
  });
  const svg = chart.renderToSVGString();
  writeFileSync(join(folder, `${name}.svg`), `${svg}\n`);
  chart.dispose();
  console.log(`${join(folder, `${name}.svg`)}: ${conditions.node}, ${conditions.commit}`);
}

function library() {
  const { PEERS_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = PEERS_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'synckit-bench');
  const installed = join(cache, 'plots');
  mkdirSync(installed, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(here, name), join(installed, name));
  if (!existsSync(join(installed, 'node_modules/.package-lock.json'))) {
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: installed,
      stdio: 'inherit',
    });
    if (status !== 0) process.exit(1);
  }
  return createRequire(join(installed, 'package.json'))('echarts');
}
