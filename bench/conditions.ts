/** What all scenarios have in common: the machine and the versions. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { commitOf, type Build } from './build.js';
import type { Conditions } from './scenario.js';

/** The conditions under which the bench begins. */
export function commonConditions(build: Build): Conditions {
  return {
    date: new Date().toISOString(),
    commit: commitOf(build),
    node: process.version,
    kernel: release(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    'memory GB': Math.round(totalmem() / 1024 ** 3),
    'file system of the data': fileSystemOf(tmpdir()),
    'load average at start': Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** Kind of the file system that a folder is on: a commit costs nothing on tmpfs. */
function fileSystemOf(folder: string): string {
  let longest = '';
  let kind = 'unknown';
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [, mount = '', type = ''] = line.split(' ');
    const within = mount === '/' || folder === mount || folder.startsWith(`${mount}/`);
    if (within && mount.length >= longest.length) [longest, kind] = [mount, type];
  }
  return kind;
}
