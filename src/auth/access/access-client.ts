/** Asks the application who may do what, over HTTP, in a thread of its own. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Claims } from '../identity.js';
import { Circuit, failureOf } from '../../outbound/circuit.js';
import type { CallAnswer, SignedCall } from '../../outbound/signed-call.js';

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
const schema = z.object({
  read: z.boolean().default(false),
  write: z.boolean().default(false),
  admin: z.boolean().default(false),
  ttlMs: z.number().min(0).optional(),
});

export class AccessClient {
  readonly #options: AccessClientOptions;
  readonly #pool: Piscina<SignedCall, CallAnswer>;
  readonly #circuit = new Circuit();

  constructor(options: AccessClientOptions) {
    this.#options = options;
    this.#pool = new Piscina<SignedCall, CallAnswer>({
      filename: fileURLToPath(new URL('../../outbound/signed-call.js', import.meta.url)),
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
    if (this.#circuit.isOpen) {
      onCalled('skipped');
      return undefined;
    }
    const body = JSON.stringify({ ...question, claims: question.claims ?? {} });
    try {
      const answer = await this.#pool.run({ url, secret, timeoutMs, body });
      const decision = this.#read(answer);
      this.#circuit.succeeded();
      onCalled('answered');
      return decision;
    } catch (error) {
      onCalled('failed');
      this.#circuit.failed();
      log.warn(
        { reason: failureOf(error, '{read, write, admin, ttlMs}') },
        'the application did not say who may do what',
      );
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** A refusal may also come as 403. */
  #read({ status, body }: CallAnswer): Decision {
    const { ttlMs: usualMs } = this.#options;
    if (status === 403) return { read: false, write: false, admin: false, ttlMs: usualMs };
    if (status !== 200) throw new Error(`the answer is ${status}`);
    const { ttlMs = usualMs, ...rights } = schema.parse(JSON.parse(body));
    return { ...rights, ttlMs: Math.min(longestTtlMs, Math.max(shortestTtlMs, ttlMs)) };
  }
}
