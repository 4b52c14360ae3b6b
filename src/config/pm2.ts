/** Reads what PM2 passes to its processes: it puts its own record of the application into their environment. */
import { isAbsolute } from 'node:path';

/** How PM2 runs the application. */
export interface Pm2 {
  /** Processes of the application on this host. */
  readonly processes: number;
  /**
   * Absolute path of the log file of this process, in cluster mode; otherwise undefined, as standard output is that
   * file. In cluster mode PM2 replaces `process.stdout.write`, whose last lines are lost when the process ends, and the
   * file descriptor is the log of PM2 itself.
   */
  readonly logFile: string | undefined;
}

/** @returns Undefined if PM2 does not run this process. */
export function readPm2(env: NodeJS.ProcessEnv): Pm2 | undefined {
  if (env['pm_id'] === undefined) return undefined;
  const processes = Number(env['instances']);
  const path = env['pm_out_log_path'] ?? '';
  const isCluster = env['exec_mode'] === 'cluster_mode';
  return {
    processes: Number.isInteger(processes) && processes > 0 ? processes : 1,
    logFile: isCluster && isAbsolute(path) ? path : undefined,
  };
}
