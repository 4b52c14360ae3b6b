/** Runs a command of `synckit-server`. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { plainNode } from './server.js';

export interface CliOutcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

const cli = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

/** @param env Instead of that of the test. `code` is the name of the signal when it was killed. */
export function runCli(env: NodeJS.ProcessEnv, ...args: string[]): Promise<CliOutcome> {
  return new Promise((resolve) => {
    execFile(
      'env',
      [...plainNode(), cli, ...args],
      { env: { PATH: process.env['PATH'], ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.signal ?? Number(error.code)), stdout, stderr });
      },
    );
  });
}
