/** docs/operations/sizing.md: what the arithmetic of clusters prints is what the page says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../src/version.js';
import { block, commandsOf } from './support/pages.js';

const page = 'docs/operations/sizing.md';

function run(options: string): string {
  const args = ['bench/sizing.mjs', ...options.split(' ').filter((word) => word !== '')];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: packageFolder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

test('the page has the figures that the script prints', (t) => {
  const text = readFileSync(join(packageFolder, page), 'utf8');
  const [command = ''] = commandsOf(block(page, 'console', 'bench/sizing.mjs'));
  const [, options = ''] = /sizing\.mjs (.*)$/.exec(command) ?? [];
  t.match(run(options), /shards of a process is full first: at 5\.9 times this load/);
  t.match(text, /shards, at 5\.9 times this load/);
  const million = run('--connections 1000000');
  t.match(million, /Redis is full first: this load is too much for it/);
  t.equal(/cores: Redis +(\S+)/.exec(million)?.[1], /Redis: (\S+) cores/.exec(text)?.[1]);
  const one = run('--connections 100000 --clients 100000 --writes 0.0001');
  t.equal(/acceptor of a process +(\S+)/.exec(one)?.[1], /the acceptors: (\S+) of a core/.exec(text)?.[1]);
  t.end();
});
