/** Asks the operator's application whether writes are allowed, over HTTP, in a thread of its own. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Circuit, failureOf } from '../../outbound/circuit.js';
import type { ValidateAnswer, ValidateCall } from './validate-worker.js';

export interface ValidatorOptions {
  readonly url: string;
  /** Signs the calls. */
  readonly secret: string;
  /** Of the document ids that it is asked about; the empty prefix stands for all. */
  readonly prefixes: readonly string[];
  readonly timeoutMs: number;
  /** Calls at a time. */
  readonly maxCalls: number;
  /** Writes that are asked about or wait for that, at a time. */
  readonly maxWaiting: number;
  /** What counts without an answer. */
  readonly whenAway: 'refuse' | 'allow';
  readonly maxValueDepth: number;
  readonly log: Logger;
  /** @param seconds From the question to the answer; undefined where none was sent. */
  readonly onChecked: (result: ValidationResult, seconds: number | undefined) => void;
}

/** `skipped`: not asked, as the last calls all failed; `busy`: not asked, as too many wait. */
export type ValidationResult = 'allowed' | 'refused' | 'failed' | 'skipped' | 'busy';

/** What is asked: who wants to write what. */
export type ValidationQuestion = ValidateCall['write'];

export type ValidationVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'busy' };

const allowed: ValidationVerdict = Object.freeze({ kind: 'allowed' });
/** Characters of a reason. */
const MAX_REASON = 300;

const schema = z.object({ allow: z.boolean(), reason: z.string().optional() });

export class Validator {
  readonly #options: ValidatorOptions;
  readonly #pool: Piscina<ValidateCall, ValidateAnswer>;
  readonly #circuit = new Circuit();
  #waiting = 0;

  constructor(options: ValidatorOptions) {
    this.#options = options;
    this.#pool = new Piscina<ValidateCall, ValidateAnswer>({
      filename: fileURLToPath(new URL('./validate-worker.js', import.meta.url)),
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: options.maxCalls,
      maxQueue: options.maxWaiting,
      atomics: 'disabled',
    });
  }

  /** Writes that are asked about or wait for that. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether the application is left alone, because it failed again and again. */
  get isPaused(): boolean {
    return this.#circuit.isOpen;
  }

  isFor(documentId: string): boolean {
    return this.#options.prefixes.some((prefix) => documentId.startsWith(prefix));
  }

  /** Never rejects. @param question Its payload is copied. */
  async check(question: ValidationQuestion): Promise<ValidationVerdict> {
    const { url, secret, timeoutMs, maxWaiting, maxValueDepth, log, onChecked } = this.#options;
    if (this.#circuit.isOpen) return this.#unanswered('skipped', undefined);
    if (this.#waiting >= maxWaiting) {
      onChecked('busy', undefined);
      return { kind: 'busy' };
    }
    this.#waiting++;
    const started = performance.now();
    const payload = new Uint8Array(question.payload);
    const write = { ...question, payload };
    try {
      const call: ValidateCall = { url, secret, timeoutMs, maxValueDepth, write };
      const answer = await this.#pool.run(call, { transferList: [payload.buffer] });
      if (answer === undefined) return allowed;
      const verdict = read(answer);
      this.#circuit.succeeded();
      onChecked(verdict.kind === 'allowed' ? 'allowed' : 'refused', (performance.now() - started) / 1_000);
      return verdict;
    } catch (error) {
      if (!(error instanceof AboutWrite)) this.#circuit.failed();
      log.warn(
        { reason: failureOf(error, '{allow, reason}') },
        'the application did not say whether a write is allowed',
      );
      return this.#unanswered('failed', (performance.now() - started) / 1_000);
    } finally {
      this.#waiting--;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #unanswered(result: ValidationResult, seconds: number | undefined): ValidationVerdict {
    this.#options.onChecked(result, seconds);
    return this.#options.whenAway === 'allow' ? allowed : { kind: 'unknown' };
  }
}

const REQUEST_TIMEOUT = 408;
const PAYLOAD_TOO_LARGE = 413;
const TOO_MANY_REQUESTS = 429;

/** The application could not judge this write, which says nothing of others: else one client could stop all. */
class AboutWrite extends Error {}

/** @throws Error When it can't be used. */
function read({ status, body }: { readonly status: number; readonly body: string }): ValidationVerdict {
  // It is not going to be taken later, and where no answer allows, nobody may choose to have none.
  if (status === PAYLOAD_TOO_LARGE) return { kind: 'forbidden', reason: 'it is larger than the application takes' };
  const isAboutWrite = status >= 400 && status < 500 && status !== REQUEST_TIMEOUT && status !== TOO_MANY_REQUESTS;
  if (isAboutWrite) throw new AboutWrite(`the answer is ${status}`);
  if (status !== 200) throw new Error(`the answer is ${status}`);
  const { allow, reason } = schema.parse(JSON.parse(body));
  return allow ? allowed : { kind: 'forbidden', reason: (reason ?? 'the application forbids it').slice(0, MAX_REASON) };
}
