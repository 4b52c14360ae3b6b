/** A WebSocket that comes back: connects again after a growing, random pause, and measures the round trip. */

/** What is known of the connection; `refused` waits for another token. */
export type ConnectionState = 'connecting' | 'online' | 'waiting' | 'refused';

/** A message of the protocol. */
export interface Message {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface ConnectionOptions {
  readonly url: string;
  /** Undefined without one. */
  readonly token: () => string | undefined;
  /** It is open, and authenticated where it has a token. */
  readonly onReady: () => void;
  readonly onMessage: (message: Message) => void;
  readonly onState: (state: ConnectionState, why: string) => void;
  /** @param milliseconds Of a ping and its pong. */
  readonly onRoundTrip: (milliseconds: number) => void;
  /** Every frame as it passes. */
  readonly onFrame: (direction: 'in' | 'out', text: string) => void;
}

/** Between two pings, in ms. */
const PING_MS = 2_000;
/** For so long a ping, or the first answer, may take, in ms: a large text before it takes its time on a slow link. */
const SILENCE_MS = 20_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** Codes from here on ask for other credentials. */
const ANOTHER_TOKEN = 4_400;

export class Connection {
  readonly #options: ConnectionOptions;
  #socket: WebSocket | undefined;
  #attempts = 0;
  #retry: number | undefined;
  #pings: number | undefined;
  /** When what is not answered was sent; undefined while nothing is. */
  #askedAt: number | undefined;
  #isReady = false;
  /** Why it can't go on without another token. */
  #refusal: string | undefined;
  #ids = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    addEventListener('online', () => {
      if (this.#retry !== undefined) this.connect();
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Opens a new connection instead of the present one. */
  connect(): void {
    this.#drop();
    this.#refusal = undefined;
    this.#options.onState('connecting', '');
    const socket = new WebSocket(this.#options.url);
    this.#socket = socket;
    this.#askedAt = performance.now();
    this.#pings = setInterval(() => {
      this.#ping();
    }, PING_MS);
    socket.addEventListener('open', () => {
      this.#opened();
    });
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#receive(data);
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (socket === this.#socket) this.#closed(code, reason);
    });
  }

  /** @returns The id of the message. */
  send(type: string, fields: Readonly<Record<string, unknown>> = {}): string {
    const id = `p${++this.#ids}`;
    const text = JSON.stringify({ type, id, timestamp: Date.now(), ...fields });
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(text);
      this.#options.onFrame('out', type === 'auth' ? text.replace(/"token":"[^"]*"/, '"token":"…"') : text);
    }
    return id;
  }

  #opened(): void {
    const token = this.#options.token();
    if (token === undefined) this.#ready();
    else this.send('auth', { token });
  }

  #ready(): void {
    this.#isReady = true;
    this.#askedAt = undefined;
    this.#options.onState('online', '');
    this.#options.onReady();
    this.#ping();
  }

  #receive(text: string): void {
    this.#options.onFrame('in', text);
    const message = JSON.parse(text) as Message;
    switch (message.type) {
      case 'pong':
        this.#attempts = 0;
        if (this.#askedAt !== undefined) this.#options.onRoundTrip(performance.now() - this.#askedAt);
        this.#askedAt = undefined;
        return;
      case 'auth_success':
        if (!this.#isReady) this.#ready();
        return;
      case 'auth_error':
        // It may be taken when the connection, which is closed now, is opened again.
        if (!isRetryable(message)) this.#refuse(String(message['error']));
        return;
      case 'error':
        if (codeOf(message) === 'AUTH_REQUIRED') this.#refuse('This server needs a token.');
        else this.#options.onMessage(message);
        return;
      default:
        this.#options.onMessage(message);
    }
  }

  #refuse(why: string): void {
    this.#refusal = why;
    this.#drop();
    this.#options.onState('refused', why);
  }

  #closed(code: number, reason: string): void {
    this.#drop();
    if (code >= ANOTHER_TOKEN || this.#refusal !== undefined) {
      this.#refuse(this.#refusal ?? (reason || 'The server refuses the token.'));
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++) * (0.5 + Math.random() / 2);
    this.#options.onState('waiting', reason);
    this.#retry = setTimeout(() => {
      this.connect();
    }, pause);
  }

  #ping(): void {
    const now = performance.now();
    // A page in the background has slow timers, but answers come at once.
    if (this.#askedAt !== undefined) {
      if (now - this.#askedAt > SILENCE_MS) this.#closed(1_006, 'The server is silent.');
      return;
    }
    if (!this.#isReady) return;
    this.#askedAt = now;
    this.send('ping');
  }

  #drop(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#pings);
    this.#retry = undefined;
    this.#isReady = false;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

/** What an error says besides its sentence. */
export interface ErrorDetails {
  readonly code?: unknown;
  readonly documentId?: string;
  readonly messageId?: string;
  readonly retryAfterMs?: number;
}

const retryable = new Set([
  'RATE_LIMIT_EXCEEDED',
  'AUTH_UNAVAILABLE',
  'STORAGE_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL',
]);

/** Undefined for another message. */
export function detailsOf({ details }: Message): ErrorDetails | undefined {
  return details as ErrorDetails | undefined;
}

/** The code of an error; undefined for another message. */
export function codeOf(message: Message): string | undefined {
  const code = detailsOf(message)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Whether what was refused may be taken later. */
export function isRetryable(message: Message): boolean {
  return retryable.has(codeOf(message) ?? '');
}
