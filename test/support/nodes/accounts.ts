/** Requests to the routes about accounts, and the command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageFolder } from '../../../src/version.js';
import { plainNode, type ServerProcess } from './server.js';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** Cheap hashes, so that tests do not wait for passwords. */
export const cheap = { SYNCKIT_PASSWORD_COST: '10', SYNCKIT_PASSWORD_PARALLELISM: '1' };

export async function ask(
  to: Pick<ServerProcess, 'http'>,
  request: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const [method = '', path = ''] = request.split(' ');
  const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await fetch(`${to.http}${path}`, { method, headers, ...content });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text || '{}') as HttpAnswer['body'], headers: response.headers };
}

/** Runs a command of the command line. @param input What it reads from standard input. */
export async function command(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const cli = join(packageFolder, 'dist/src/cli.js');
  const child = spawn('env', [...plainNode(), cli, ...args], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'test', ...cheap, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
