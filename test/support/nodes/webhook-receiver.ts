/** A receiver of webhooks that checks signatures, and answers as it is told. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { KeptPort } from './kept-port.js';

export interface Received {
  readonly id: string;
  readonly type: string;
  readonly documentId: string;
  readonly kind: string;
  readonly commit: number;
  /** Of events about users. */
  readonly userId?: string;
}

export class WebhookReceiver {
  readonly secret = 'a secret of the receiver, 32 characters or more';
  /** What was answered with 2xx, in the order in which it came. */
  readonly accepted: Received[] = [];
  /** All calls. */
  readonly calls: Received[] = [];
  /** Sentences about what must not be. */
  readonly problems: string[] = [];
  /** Answers a call. */
  answer: (response: ServerResponse, event: Received) => void = (response) => response.writeHead(204).end();
  readonly #port = new KeptPort();
  readonly #last = new Map<string, number>();

  get url(): string {
    return `http://127.0.0.1:${this.#port.port}/hook`;
  }

  /** What a server needs to call it. */
  get env(): NodeJS.ProcessEnv {
    return { WEBHOOK_URL: this.url, WEBHOOK_SECRET: this.secret };
  }

  /** Begins to listen, on the port that it had before. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        if (request.url !== '/hook') this.problems.push('a redirect was followed');
        this.#receive(request, body, response);
      });
    });
    await this.#port.listen(server);
    return this;
  }

  /** Ends all connections. */
  async stop(): Promise<void> {
    await this.#port.close();
  }

  /** The last commit that was accepted of each document. */
  get commits(): Map<string, number> {
    return new Map(this.#last);
  }

  #receive({ headers }: IncomingMessage, body: string, response: ServerResponse): void {
    const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
    const signature = createHmac('sha256', this.secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    if (headers['webhook-signature'] !== `v1,${signature}`) this.problems.push('a wrong signature');
    if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > 60) this.problems.push('a wrong time');
    const { type, data } = JSON.parse(body) as { type: string; data: Omit<Received, 'id' | 'type'> };
    const event = { id, type, ...data };
    this.calls.push(event);
    response.on('finish', () => {
      if (response.statusCode >= 300) return;
      this.accepted.push(event);
      if (event.userId !== undefined) return;
      const before = this.#last.get(event.documentId) ?? 0;
      const isRepeat = this.accepted.some((other) => other !== event && other.id === event.id);
      if (event.commit < before && !isRepeat) this.problems.push(`${event.documentId} goes back to ${event.commit}`);
      this.#last.set(event.documentId, Math.max(before, event.commit));
    });
    this.answer(response, event);
  }
}
