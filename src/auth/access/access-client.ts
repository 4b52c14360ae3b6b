/** Asks the application who may do what, over HTTP, in a thread of its own. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { AccessAnswer, AccessCall } from './access-worker.js';
import type { Claims } from '../identity.js';

export interface AccessClientOptions {
  readonly url: string;
  /** Signs the calls. */
  readonly secret: string;
  readonly timeoutMs: number;
  /** Calls at a time; as many again times sixteen wait, further ones fail. */
  readonly maxCalls: number;
  /** How long an answer counts that does not say so. */
  readonly ttlMs: number;
  readonly log: Logger;
  readonly onCalled: (result: 'answered' | 'failed' | 'skipped') => void;
}

/** What is asked. */
export interface AccessQuestion {
  readonly userId: string;
  readonly claims: Claims | undefined;
  /** Null when the user connects. */
  readonly documentId: string | null;
  readonly address: string;
}

export interface Decision {
  readonly read: boolean;
  readonly write: boolean;
  readonly admin: boolean;
  /** How long it counts, in ms. */
  readonly ttlMs: number;
}

const shortestTtlMs = 100;
const longestTtlMs = 86_400_000;
const waitingPerCall = 16;
/** So many failures in a row, and the application is left alone for a while. */
const failuresToOpen = 5;
const firstPauseMs = 500;
const longestPauseMs = 5_000;

const schema = z.object({
  read: z.boolean().default(false),
  write: z.boolean().default(false),
  admin: z.boolean().default(false),
  ttlMs: z.number().min(0).optional(),
});

export class AccessClient {
  readonly #options: AccessClientOptions;
  readonly #pool: Piscina<AccessCall, AccessAnswer>;
  #failures = 0;
  #pausedUntil = 0;

  constructor(options: AccessClientOptions) {
    this.#options = options;
    this.#pool = new Piscina<AccessCall, AccessAnswer>({
      filename: fileURLToPath(new URL('./access-worker.js', import.meta.url)),
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: options.maxCalls,
      maxQueue: options.maxCalls * waitingPerCall,
      atomics: 'disabled',
    });
  }

  /** @returns Undefined when there is no answer that can be used. Never rejects. */
  async ask(question: AccessQuestion): Promise<Decision | undefined> {
    const { url, secret, timeoutMs, log, onCalled } = this.#options;
    if (performance.now() < this.#pausedUntil) {
      onCalled('skipped');
      return undefined;
    }
    const body = JSON.stringify({ ...question, claims: question.claims ?? {} });
    try {
      const answer = await this.#pool.run({ url, secret, timeoutMs, body });
      const decision = this.#read(answer);
      this.#failures = 0;
      onCalled('answered');
      return decision;
    } catch (error) {
      onCalled('failed');
      this.#failed();
      log.warn({ reason: reasonOf(error) }, 'the application did not say who may do what');
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** A refusal may also come as 403. */
  #read({ status, body }: AccessAnswer): Decision {
    const { ttlMs: usualMs } = this.#options;
    if (status === 403) return { read: false, write: false, admin: false, ttlMs: usualMs };
    if (status !== 200) throw new Error(`the answer is ${status}`);
    const { ttlMs = usualMs, ...rights } = schema.parse(JSON.parse(body));
    return { ...rights, ttlMs: Math.min(longestTtlMs, Math.max(shortestTtlMs, ttlMs)) };
  }

  #failed(): void {
    this.#failures++;
    if (this.#failures < failuresToOpen) return;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - failuresToOpen));
    this.#pausedUntil = performance.now() + pauseMs;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return 'the answer has another shape than {read, write, admin, ttlMs}';
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
