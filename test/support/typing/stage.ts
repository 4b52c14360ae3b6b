/** What a cell is played on: its document, the ways to the nodes, who is there, and how it is cleared away. */
import type { Test } from 'tap';
import { RawClient } from '../clients/client.js';
import { delayingProxy, type DelayingProxy } from '../network/delaying-proxy.js';
import type { Random } from '../random.js';
import { until } from '../nodes/server.js';
import { randomOf, type Cell } from './cell.js';
import type { FormClient } from './form-client.js';
import { ModelSdk } from './model-sdk.js';
import { onlookers, type Onlookers } from './onlooker.js';
import { PlainClient } from './plain-client.js';
import { PublishedSdk } from './published-sdk.js';
import type { Pace } from './typist.js';

const KEY_MS = 60;

export class Stage {
  readonly random: Random;
  readonly pace: Pace;
  readonly #closing: (() => unknown)[] = [];
  readonly #clients: FormClient[] = [];
  readonly #onlookers: Onlookers[] = [];
  readonly #proxies: DelayingProxy[] = [];

  /**
   * @param t As for `sdkClient`.
   * @param urls Of the nodes; clients are dealt out to them in turn.
   */
  constructor(
    readonly t: Pick<Test, 'teardown'>,
    readonly urls: readonly string[],
    readonly cell: Cell,
    readonly documentId: string,
  ) {
    this.random = randomOf(cell);
    this.pace = { keyMs: KEY_MS, jitterMs: cell.jitterMs, random: this.random };
  }

  get problems(): string[] {
    return this.#clients.flatMap(({ clientId, problems }) => problems.map((problem) => `${clientId}: ${problem}`));
  }

  /** A client of the cell's kind, at the cell's distance, that is subscribed. */
  async client(clientId: string): Promise<FormClient> {
    const { roundTripMs, jitterMs } = this.cell;
    const node = this.#url(this.#clients.length);
    const proxy = await delayingProxy(node, { roundTripMs, jitterMs, seed: this.random.below(1e9) });
    this.#proxies.push(proxy);
    this.#closing.push(() => proxy.close());
    const client = await this.#open({ url: proxy.through(node), documentId: this.documentId, clientId });
    this.#clients.push(client);
    this.#closing.push(() => client.close());
    return client;
  }

  /** Others in the document, on the last node, near it. */
  async others(): Promise<void> {
    const others = await onlookers(this.#url(this.urls.length - 1), this.documentId);
    this.#onlookers.push(others);
    this.#closing.push(() => others.close());
  }

  /** A connection without a delay. */
  async raw(node = 0): Promise<RawClient> {
    const raw = await RawClient.connect(this.#url(node), { encoding: 'json' });
    this.#closing.push(() => raw.socket.terminate());
    return raw;
  }

  /** Breaks the connections of all clients. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  /**
   * Waits until all is acknowledged and everybody shows what the nodes hold, and looks again a moment later.
   *
   * @returns The field's value, and who differs from it.
   */
  async rest(field: string): Promise<{ readonly value: string; readonly problems: string[] }> {
    await Promise.all(this.#onlookers.map((others) => others.rest()));
    await until('all acknowledgements', () => this.#clients.every(({ unacked }) => unacked === 0));
    let problems: string[] = [];
    let value = '';
    const look = async (): Promise<boolean> => {
      const held = await this.#held(field);
      value = typeof held[0] === 'string' ? held[0] : '';
      problems = this.#differing(field, held);
      return problems.length === 0;
    };
    for (let looks = 0; looks < 2; looks++) {
      await until('all to be equal', look, 10_000).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    return { value, problems };
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }

  #url(node: number): string {
    return this.urls[node % this.urls.length]!;
  }

  async #open(options: { url: string; documentId: string; clientId: string }): Promise<FormClient> {
    const { client: kind } = this.cell;
    if (kind === 'SDK 0.1.1') return PublishedSdk.open(this.t, options);
    const delivery = kind.endsWith('delta_batch') ? 'delta_batch' : 'delta';
    const client = await (kind.startsWith('model') ? ModelSdk : PlainClient).open(options, delivery);
    await until('the answer to a subscription', () => client.answered);
    return client;
  }

  /** What each node holds. */
  async #held(field: string): Promise<unknown[]> {
    return Promise.all(
      this.urls.map(async (url) => {
        const raw = await RawClient.connect(url, { encoding: 'json' });
        const { state } = await raw.subscribe(this.documentId);
        raw.socket.terminate();
        return (state as Record<string, unknown>)[field];
      }),
    );
  }

  #differing(field: string, held: readonly unknown[]): string[] {
    const shown: [string, unknown][] = [
      ...held.slice(1).map((value, i): [string, unknown] => [`node ${i + 1}`, value]),
      ...this.#clients.map((client): [string, unknown] => [client.clientId, client.get(field)]),
      ...this.#onlookers.flatMap((others) =>
        others.values(field).map((v, i): [string, unknown] => [`onlooker ${i}`, v]),
      ),
    ];
    return shown
      .filter(([, value]) => value !== held[0])
      .map(([name, value]) => `${name} ended with ${JSON.stringify(value)}, not ${JSON.stringify(held[0])}`);
  }
}
