/** A client of server-sent events. */
import { until } from '../nodes/server.js';

export interface ReceivedEvent {
  readonly event: string;
  /** The id that a client would resume with after it. */
  readonly id: string;
  readonly data: Record<string, unknown>;
}

export class EventClient {
  readonly events: ReceivedEvent[] = [];
  /** Comments, such as heartbeats. */
  comments = 0;
  isEnded = false;
  #lastId: string;

  private constructor(
    readonly response: Response,
    readonly abort: AbortController,
    lastId: string,
  ) {
    this.#lastId = lastId;
  }

  /** @throws When the answer is no stream. */
  static async open(url: string, lastId = '', headers: Record<string, string> = {}): Promise<EventClient> {
    const abort = new AbortController();
    const resumed = lastId === '' ? {} : { 'Last-Event-ID': lastId };
    const response = await fetch(url, { headers: { ...headers, ...resumed }, signal: abort.signal });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    const client = new EventClient(response, abort, lastId);
    void client.#read();
    return client;
  }

  get lastId(): string {
    return this.#lastId;
  }

  /** The next event that fits, or one that has come already. */
  async expect(what: string, fits: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent> {
    let found: ReceivedEvent | undefined;
    await until(what, () => (found = this.events.find(fits)) !== undefined);
    return found!;
  }

  /** What a client makes of all events: the fields of the document. */
  fields(): Record<string, unknown> {
    let fields: Record<string, unknown> = {};
    for (const { data } of this.events) {
      if (data['state'] !== undefined) fields = { ...(data['state'] as object) };
      for (const delta of (data['deltas'] ?? []) as { field?: string; value: unknown }[]) {
        if (delta.field === undefined) continue;
        if ((delta.value as { __deleted?: boolean } | null)?.__deleted === true)
          Reflect.deleteProperty(fields, delta.field);
        else fields[delta.field] = delta.value;
      }
    }
    return fields;
  }

  close(): void {
    this.abort.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const part of this.response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(part, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // Aborted, or the server has ended.
    }
    this.isEnded = true;
  }

  #take(block: string): void {
    const values = new Map(block.split('\n').map((line) => [line.split(':', 1)[0]!, line.replace(/^[^:]*: ?/, '')]));
    if (values.has('')) this.comments++;
    const id = values.get('id');
    if (id !== undefined) this.#lastId = id;
    const data = values.get('data');
    if (data === undefined) return;
    const event = values.get('event') ?? 'message';
    this.events.push({ event, id: this.#lastId, data: JSON.parse(data) as Record<string, unknown> });
  }
}
