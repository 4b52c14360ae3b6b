/** An application that is asked over HTTP what users may do. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { KeptPort } from './kept-port.js';

export interface Question {
  readonly userId: string;
  readonly claims: Record<string, unknown>;
  readonly documentId: string | null;
  readonly address: string;
}

/** @typeParam Asked What it is asked. */
export class ApplicationServer<Asked = Question> {
  readonly secret = 'a secret of the application, 32 characters or more';
  readonly questions: Asked[] = [];
  /** Calls with another signature or an old timestamp. */
  unsigned = 0;
  /** What is answered: an object, or a status with any text. */
  decide: (question: Asked) => object | { readonly status: number; readonly text: string } = () => ({});
  /** Resolves when an answer may be sent. */
  wait: () => Promise<unknown> = () => Promise.resolve();
  readonly #port = new KeptPort();

  get url(): string {
    return `http://127.0.0.1:${this.#port.port}/access`;
  }

  /** Begins to listen, on the port that it had before. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const timestamp = String(request.headers['x-synckit-timestamp']);
        const wanted = `sha256=${createHmac('sha256', this.secret).update(`${timestamp}.${body}`).digest('hex')}`;
        const isFresh = Math.abs(Date.now() - Number(timestamp)) < 60_000;
        if (request.headers['x-synckit-signature'] !== wanted || !isFresh) this.unsigned++;
        const question = JSON.parse(body) as Asked;
        this.questions.push(question);
        void this.wait().then(() => {
          const answer = this.decide(question);
          const { status, text } = 'status' in answer ? answer : { status: 200, text: JSON.stringify(answer) };
          response.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
        });
      });
    });
    await this.#port.listen(server);
    return this;
  }

  stop(): Promise<void> {
    return this.#port.close();
  }
}
