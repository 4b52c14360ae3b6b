/** What PM2 tells the processes that it runs: it puts its own record of the application into their environment. */
import { isAbsolute } from 'node:path';

/** The application as PM2 runs it. */
export interface Pm2 {
  /** Processes of this host that it was started with. */
  readonly processes: number;
  /**
   * Absolute path of the file for the log of this process; undefined where standard output leads there. In cluster mode
   * it does not: PM2 replaces `process.stdout.write`, which is lost on a process that ends, and the file descriptor
   * leads to the log of PM2 itself.
   */
  readonly logFile: string | undefined;
}

/** Undefined for a process that PM2 does not run. */
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
