/** What the dashboard asks the server: the routes of administrators, and signing in. */

export interface NodeRow {
  readonly id: string;
  readonly run: string;
  readonly self: boolean;
  readonly state: 'running' | 'draining';
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** In seconds. */
  readonly uptime: number;
  readonly connections: number;
  readonly users: number;
  readonly documents: number;
  /** Since its start; null without metrics. */
  readonly activity: { readonly deliveries: number; readonly acks: readonly number[] } | null;
}

export interface Nodes {
  readonly isStale: boolean;
  readonly nodes: readonly NodeRow[];
  /** In seconds. */
  readonly ackBounds: readonly number[];
}

export interface DocumentRow {
  readonly id: string;
  readonly subscribers: number;
  /** Milliseconds since the epoch; 0 if never. */
  readonly lastModified: number;
  readonly nodes: number;
}

export interface UserRow {
  readonly user: string;
  readonly connections: number;
}

export interface Connections {
  readonly node: string;
  readonly list: readonly UserRow[];
  readonly isComplete: boolean;
}

export interface Overview {
  readonly nodes: Nodes;
  readonly documents: readonly DocumentRow[];
  readonly connections: Connections;
}

/** The server does not take the token, or its owner is no administrator. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export class Api {
  readonly #token: () => string | undefined;

  constructor(token: () => string | undefined) {
    this.#token = token;
  }

  /** @throws Refused; another error when the server can't be reached. */
  async overview(): Promise<Overview> {
    const [nodes, open, connections] = await Promise.all([
      this.#ask('admin/nodes'),
      this.#ask('admin/documents'),
      this.#ask('admin/connections'),
    ]);
    const { documents } = open as { readonly documents: readonly DocumentRow[] };
    return { nodes: nodes as Nodes, documents, connections: connections as Connections };
  }

  /** @throws As `overview`. */
  async order(path: 'drain' | 'disconnect', body: object): Promise<void> {
    await this.#ask(`admin/${path}`, body);
  }

  /** @returns A token. @throws Refused */
  async signIn(email: string, password: string): Promise<string> {
    const { accessToken } = (await this.#ask('auth/login', { email, password })) as { readonly accessToken: string };
    return accessToken;
  }

  async #ask(path: string, body?: object): Promise<unknown> {
    const token = this.#token();
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(path, { ...sent, headers, signal: AbortSignal.timeout(10_000) });
    if (answer.ok) return answer.json();
    const { error = answer.statusText } = (await answer.json().catch(() => ({}))) as { readonly error?: string };
    if (answer.status === 401 || answer.status === 403) throw new Refused(error);
    throw new Error(error);
  }
}
