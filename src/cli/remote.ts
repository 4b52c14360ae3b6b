/** How the commands find a running server, and show it who asks. */
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

/** For the help of a command that has these options. */
export const remoteHelp = `  --url URL      of the running server (default: SYNCKIT_URL, else http://localhost:8080)
  --token TOKEN  shown to it (default: SYNCKIT_TOKEN, else none)`;

export interface RemoteRequest {
  readonly method?: string;
  /** Sent with this type. */
  readonly body?: { readonly type: string; readonly content: string | Uint8Array };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Remote {
  /**
   * Asks for a path, such as `/documents/todo`, whose parts are encoded already.
   *
   * @returns The answer, whose status is 2xx; its body is not read yet.
   * @throws RemoteError
   */
  request(path: string, request?: RemoteRequest): Promise<Response>;
}

/** @throws UsageError for a URL that is none of HTTP. */
export function remoteOf(
  given: { readonly url?: string | undefined; readonly token?: string | undefined },
  environment: NodeJS.ProcessEnv = process.env,
): Remote {
  const base = (given.url ?? environment['SYNCKIT_URL'] ?? 'http://localhost:8080').replace(/\/+$/, '');
  const token = given.token ?? environment['SYNCKIT_TOKEN'] ?? '';
  if (!URL.canParse(base) || !['http:', 'https:'].includes(new URL(base).protocol)) {
    throw new UsageError('--url must be the address of a server, such as http://localhost:8080');
  }
  return {
    async request(path, { method = 'GET', body, headers = {} } = {}) {
      const response = await answerOf(`${base}${path}`, {
        method,
        headers: {
          ...headers,
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': body.type }),
        },
        ...(body === undefined ? {} : { body: body.content }),
      });
      if (!response.ok) throw new RemoteError(await reasonOf(response), response.status);
      return response;
    },
  };
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
