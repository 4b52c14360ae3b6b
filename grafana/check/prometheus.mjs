/** A Prometheus of our own, with the configuration that is in the repository but for its interval, targets and paths. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { URL, fileURLToPath } from 'node:url';

const { fetch, URLSearchParams } = globalThis;
const START_LIMIT_MS = 20_000;

const repository = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/**
 * Writes the configuration for the check.
 *
 * @returns Its path.
 * @throws When grafana/prometheus.yml does not hold what has to be replaced.
 */
export function writeConfig(directory, { targets, token }) {
  const tokenFile = join(directory, 'metrics-token');
  writeFileSync(tokenFile, token);
  let text = readFileSync(repository('prometheus.yml'), 'utf8');
  const replace = (what, by) => {
    if (!what.test(text)) throw new Error(`grafana/prometheus.yml has nothing like ${what}`);
    text = text.replace(what, by);
  };
  replace(/scrape_interval: .+/, 'scrape_interval: 1s');
  replace(/evaluation_interval: .+/, 'evaluation_interval: 1s');
  replace(/- alerts\.yml/, `- ${repository('alerts.yml')}`);
  replace(/( +- localhost:\d+\n){4}/, targets.map((target) => `          - ${target}\n`).join(''));
  // What is written there for those who have a METRICS_TOKEN.
  replace(/# authorization:\n( +)# ( +)credentials_file: .+/, `authorization:\n$1$2credentials_file: ${tokenFile}`);
  const path = join(directory, 'prometheus.yml');
  writeFileSync(path, text);
  return path;
}

export class Prometheus {
  #child;
  #url;
  #stderr = '';

  constructor(port) {
    this.port = port;
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** @throws When it does not come up. */
  async start(config, directory) {
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${this.port}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr += text));
    const end = Date.now() + START_LIMIT_MS;
    for (;;) {
      const ready = await fetch(`${this.#url}/-/ready`).catch(() => undefined);
      if (ready?.ok) return;
      if (child.exitCode !== null || Date.now() > end) throw new Error(`prometheus did not start: ${this.#stderr}`);
      await sleep(100);
    }
  }

  /** The `data` of an answer. @throws With Prometheus' own words. */
  async get(path, parameters = {}) {
    const answer = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await answer.json();
    if (status !== 'success') throw new Error(error);
    return data;
  }

  /** The series of a query over a time, as Grafana asks for a panel: `{labels, values}` each, what is no number left out. */
  async range(query, { from, to, step = 1 }) {
    const { result } = await this.get('query_range', { query, start: from, end: to, step });
    return result.map(({ metric, values }) => ({
      labels: metric,
      values: values.map(([, value]) => Number(value)).filter(Number.isFinite),
    }));
  }

  async stop() {
    if (this.#child === undefined || this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await Promise.race([once(this.#child, 'close'), sleep(5_000)]);
    this.kill();
  }

  kill() {
    this.#child?.kill('SIGKILL');
  }
}
