/** How many cores the process may use: those of the machine, or less where a control group limits its CPU time. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** At least 1. */
export function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota())));
}

/**
 * The CPU time per second that the control groups of this process allow, version 1 or 2, in cores.
 *
 * @param mount Where the control groups are mounted.
 * @param own The file that names those of the process.
 * @returns `Infinity` without a limit.
 */
export function cpuQuota(mount = '/sys/fs/cgroup', own = '/proc/self/cgroup'): number {
  let quota = Infinity;
  // A line is `id:controllers:path`; version 2 has one with id 0 and without controllers.
  for (const [, controllers = '', path = '/'] of read(own).matchAll(/^\d+:([^:]*):(.*)$/gm)) {
    const isFirst = controllers !== '';
    if (isFirst && !controllers.split(',').includes('cpu')) continue;
    const roots = isFirst ? [join(mount, controllers), join(mount, 'cpu')] : [mount, join(mount, 'unified')];
    // A limit of any group above counts too. Inside a container, the path may be that of the host: then only the top is there.
    for (let folder = path; ; folder = dirname(folder)) {
      for (const root of roots) quota = Math.min(quota, quotaOf(join(root, folder)));
      if (folder === '/' || folder === '.') break;
    }
  }
  return quota;
}

function quotaOf(group: string): number {
  const [limit, length] = read(join(group, 'cpu.max')).trim().split(' ');
  if (limit !== undefined && limit !== '') return ratio(limit, length);
  return ratio(read(join(group, 'cpu.cfs_quota_us')), read(join(group, 'cpu.cfs_period_us')));
}

/** `max`, -1 and files that are not there mean no limit. */
function ratio(limit: string, period = ''): number {
  const cores = parseInt(limit, 10) / parseInt(period, 10);
  return cores > 0 ? cores : Infinity;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
