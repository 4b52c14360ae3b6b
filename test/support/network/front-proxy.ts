/** nginx, HAProxy or Caddy in front of two nodes, from the very files that the documentation shows. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { packageFolder } from '../../../src/version.js';
import { folder } from '../nodes/fixture.js';
import { searchPath } from '../required-program.js';
import { freePort, until } from '../nodes/server.js';

export interface ProxyKind {
  readonly name: 'nginx' | 'haproxy' | 'caddy';
  /** In deploy/proxies. */
  readonly file: string;
  readonly args: (config: string, folder: string) => string[];
}

export const proxyKinds: readonly ProxyKind[] = [
  {
    name: 'nginx',
    file: 'nginx.conf',
    args: (config, at) => ['-c', config, '-p', at, '-e', 'stderr', '-g', `daemon off; pid ${at}/pid;`],
  },
  { name: 'haproxy', file: 'haproxy.cfg', args: (config) => ['-db', '-f', config] },
  { name: 'caddy', file: 'Caddyfile', args: (config) => ['run', '--adapter', 'caddyfile', '--config', config] },
];

export function isInstalled({ name }: ProxyKind): boolean {
  const { error } = spawnSync(name, ['version'], { env: { PATH: searchPath }, stdio: 'ignore' });
  return error === undefined;
}

/** The file of a kind for these ports; `change` may change more. */
export function configOf({ file }: ProxyKind, port: number, nodes: readonly number[]): string {
  const text = readFileSync(join(packageFolder, 'deploy/proxies', file), 'utf8');
  const marked = text.replace(/\bnode-(\d):8080/g, (_, number: string) => `127.0.0.1:${nodes[Number(number) - 1]}`);
  // What is left of the number is the port of the proxy itself; tests listen on loopback only.
  const caddy = `http://127.0.0.1:${port} {\n\tbind 127.0.0.1`;
  return marked
    .replace(/^:8080 \{/m, caddy)
    .replace(/(^|\s):?8080\b/gm, (_, blank: string) => `${blank}127.0.0.1:${port}`);
}

export interface FrontProxy {
  readonly port: number;
  /** `ws://127.0.0.1:<port>/ws` */
  readonly url: string;
  readonly http: string;
  /** What it has printed. */
  readonly output: () => string;
}

/** Runs until the test ends. Resolves when a node answers through it. @param change Of the configuration. */
export async function startProxy(
  t: Test,
  kind: ProxyKind,
  nodes: readonly number[],
  change = (text: string): string => text,
): Promise<FrontProxy> {
  const port = await freePort();
  const at = await folder(t);
  // The workers of nginx have a user of their own.
  await chmod(at, 0o755);
  await mkdir(join(at, 'logs'));
  const config = join(at, kind.file);
  const log = join(at, 'access.log');
  await writeFile(log, '');
  // Standard output is no file here, and a test may open fewer files than a proxy in use.
  const text = configOf(kind, port, nodes).replace('/dev/stdout', log).replace('maxconn 20000', 'maxconn 2000');
  await writeFile(config, change(text.replace(/^worker_rlimit_nofile.*$/m, '').replace('30000', '1000')));
  const env = { PATH: searchPath, HOME: at, XDG_DATA_HOME: at, XDG_CONFIG_HOME: at };
  const child = spawn(kind.name, kind.args(config, at), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  });
  const http = `http://127.0.0.1:${port}`;
  await until(`${kind.name} to pass on an answer`, async () => {
    if (child.exitCode !== null) throw new Error(`${kind.name} ended: ${output}`);
    return fetch(`${http}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return { port, url: `ws://127.0.0.1:${port}/ws`, http, output: () => output + readFileSync(log, 'utf8') };
}
