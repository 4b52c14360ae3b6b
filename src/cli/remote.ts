/** How the commands find a server, and show it who asks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from './tools.js';

/** The server refuses, or can't be reached; printed without a stack trace. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';

  /** @param status Of HTTP; undefined when no answer came. */
  constructor(
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

/** For `wordsAndOptions`. */
export const remoteOptions = { url: { type: 'string' }, token: { type: 'string' } } as const;

/** Of `remoteOptions`. */
export interface Where {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

/** For the help of a command that has these options. */
export const remoteHelp = `With a running server:
  --url URL        its address (default: SYNCKIT_URL)
  --token TOKEN    a token or an API key (default: SYNCKIT_TOKEN)

Without --url, in the storage of DATABASE_URL or SYNCKIT_DATA_DIR: stop the
servers first, as they would not hear of what is changed.`;

export interface RemoteRequest {
  readonly method?: string;
  /** Sent with this type. */
  readonly body?: { readonly type: string; readonly content: string | Uint8Array };
}

export interface Remote {
  /**
   * Asks for a path, such as `/documents/todo`, whose parts are encoded already. Where the server has no time, it is asked
   * again: within its limits an export goes on for as long as it takes.
   *
   * @returns The answer, whose status is 2xx; its body is not read yet.
   * @throws RemoteError
   */
  request(path: string, request?: RemoteRequest): Promise<Response>;
}

/** Answers that mean: later. */
const busy = new Set([429, 503]);
const maxTries = 20;
const longestWaitS = 60;

/**
 * Does something with a running server, or, if none is named, with one of its own on the storage.
 *
 * @param mayChange Whether something is to be written.
 * @throws UsageError for a URL that is none of HTTP.
 */
export async function withRemote<Result>(
  { url, token }: Where,
  mayChange: boolean,
  action: (remote: Remote) => Promise<Result>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Result> {
  const given = url ?? env['SYNCKIT_URL'] ?? '';
  if (given !== '') return action(remoteOf(given, token ?? env['SYNCKIT_TOKEN'] ?? ''));
  if (token !== undefined) throw new UsageError('--token is of a running server: give --url too');
  // Imported only here: it is a whole server.
  const { startPrivateServer } = await import('./private-server.js');
  const server = await startPrivateServer(env, mayChange);
  try {
    return await action(remoteOf(server.url, server.token));
  } finally {
    await server.stop();
  }
}

function remoteOf(given: string, token: string): Remote {
  if (!/^(https?|wss?):\/\//.test(given) || !URL.canParse(given)) {
    throw new UsageError('--url must be the address of a server, such as http://localhost:8080');
  }
  const base = given.replace(/^ws/, 'http').replace(/\/(ws)?$/, '');
  const credentials = credentialsOf(token);
  return {
    async request(path, { method = 'GET', body } = {}) {
      const headers = { ...credentials, ...(body === undefined ? {} : { 'content-type': body.type }) };
      for (let tries = 1; ; tries++) {
        const sent = body === undefined ? {} : { body: body.content };
        const response = await answerOf(`${base}${path}`, { method, headers, ...sent });
        if (response.ok) return response;
        if (!busy.has(response.status) || tries === maxTries) {
          throw new RemoteError(await reasonOf(response), response.status);
        }
        await response.body?.cancel();
        await sleep(1_000 * Math.min(longestWaitS, Number(response.headers.get('retry-after') ?? '1') || 1));
      }
    },
  };
}

/** A token has two dots, a key has none. */
function credentialsOf(token: string): Record<string, string> {
  if (token === '') return {};
  return token.split('.').length === 3 ? { authorization: `Bearer ${token}` } : { 'x-api-key': token };
}

async function answerOf(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    // What fetch throws says nothing; its cause does.
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RemoteError(`${new URL(url).origin} can't be reached: ${reason}`);
  }
}

/** The server's own sentence, where there is one. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === 'string') return `${error} (${response.status})`;
  } catch {
    // A proxy has answered.
  }
  return `the server answered ${response.status} ${response.statusText}`;
}
