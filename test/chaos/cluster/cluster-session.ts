/**
 * A session of a seed in a cluster: clients of all kinds write and move about while things happen to the nodes, to
 * Redis and to Postgres. When these are over and nothing is written any more, everybody has to come to hold the same,
 * on the connections there are.
 */
import { TextCore } from '@synckit/core-wasm';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonical } from '../../support/clients/model-document.js';
import { Random } from '../../support/random.js';
import { until } from '../../support/nodes/server.js';
import { textOf } from '../../support/values/text-states.js';
import { ExpectedStates } from '../../support/values/write-order.js';
import { AwareWanderer } from './aware-wanderer.js';
import { AckChecker } from '../checker.js';
import { planEvents, playEvents, type PlannedEvent } from './cluster-events.js';
import type { ClusterWorld } from './cluster-world.js';
import { Journey } from '../journey.js';
import { FieldWanderer, TextWanderer, type Kind } from './wanderer.js';

const kinds: readonly Kind[] = [
  { encoding: 'binary', supportsBatch: false },
  { encoding: 'json', supportsBatch: false },
  { encoding: 'binary', supportsBatch: true },
  { encoding: 'json', supportsBatch: true },
];
const TEXT_CLIENTS = 3;
const AWARE_CLIENTS = 3;
/** All of them write from before the first event until after it has begun. */
const LEAST_WRITING_MS = 700;
const REST_LIMIT_MS = 30_000;

export interface SessionReport {
  /** What is not as it has to be. */
  readonly problems: readonly string[];
  /** What happened, for whoever has to find out why. */
  readonly story: readonly string[];
  readonly acks: number;
}

export class ClusterSession {
  readonly #world: ClusterWorld;
  readonly #seed: number;
  readonly #documents: readonly string[];
  readonly #textId: string;
  readonly #planned: readonly PlannedEvent[];
  readonly #began = Date.now();
  readonly #checker = new AckChecker();
  readonly #expected = new ExpectedStates();
  readonly #writers: readonly FieldWanderer[];
  readonly #typists: readonly TextWanderer[];
  readonly #aware: readonly AwareWanderer[];
  readonly #journeys: readonly Journey[];
  /** Those that come when all is over, one of each sort for each node. */
  readonly #late: (FieldWanderer | TextWanderer)[] = [];

  constructor(world: ClusterWorld, seed: number) {
    const random = new Random(seed);
    this.#world = world;
    this.#seed = seed;
    this.#documents = ['a', 'b'].map((name) => `cluster-${seed}-${name}`);
    this.#textId = `cluster-${seed}-text`;
    this.#planned = planEvents(world, random);
    this.#writers = kinds.map((kind, i) => this.#fieldClient(`writer-${i}`, kind));
    this.#typists = Array.from({ length: TEXT_CLIENTS }, (_, i) => this.#textClient(`typist-${i}`));
    this.#aware = Array.from({ length: AWARE_CLIENTS }, (_, i) => {
      return new AwareWanderer(`aware-${i}`, `cluster-${seed}-a`, i % 2 === 0 ? 'binary' : 'json');
    });
    this.#journeys = this.#all.map((wanderer, i) => new Journey(wanderer, world.nodes, new Random(seed * 31 + i)));
  }

  get #all(): readonly (FieldWanderer | TextWanderer | AwareWanderer)[] {
    return [...this.#writers, ...this.#typists, ...this.#aware];
  }

  /** Never throws: what goes wrong is a problem of the session. */
  async play(): Promise<SessionReport> {
    const problems: string[] = [];
    try {
      for (const journey of this.#journeys) journey.begin();
      await Promise.all([playEvents(this.#world, this.#planned, this.#seed), sleep(LEAST_WRITING_MS)]);
      problems.push(...(await this.#rest()));
    } catch (error) {
      problems.push(String(error));
    }
    const story = this.#story();
    for (const journey of this.#journeys) await journey.end();
    for (const late of this.#late) late.disconnect();
    problems.push(...this.#all.flatMap(({ name, problems: own }) => own.map((problem) => `${name}: ${problem}`)));
    const acks = this.#all.reduce((sum, wanderer) => sum + wanderer.acks, 0);
    if (acks === 0) problems.push('nothing was acknowledged');
    return { problems, story, acks };
  }

  async #rest(): Promise<string[]> {
    for (const journey of this.#journeys) journey.rest();
    await until('all acks', () => this.#all.every(({ settled }) => settled), REST_LIMIT_MS).catch(() => undefined);
    const unsettled = this.#all.filter(({ settled }) => !settled);
    if (unsettled.length > 0) return unsettled.map(({ name }) => `${name} waits for acks in vain`);
    const behind = await this.#agree();
    for (const { name, url } of this.#world.nodes) await this.#visit(name, url);
    return [...behind, ...(await this.#agree()), ...(await this.#storedDifferences())];
  }

  /** Waits until all have the same; returns what still differs after a generous time. */
  async #agree(): Promise<string[]> {
    await until('equal states', () => this.#differences().length === 0, REST_LIMIT_MS).catch(() => undefined);
    return this.#differences();
  }

  /** Somebody new comes to a node and stays. */
  async #visit(node: string, url: string): Promise<void> {
    const random = new Random(this.#seed);
    const visitors = [
      this.#fieldClient(`new on ${node}`, { encoding: 'json', supportsBatch: true }),
      this.#textClient(`new typist on ${node}`),
    ];
    this.#late.push(...visitors);
    for (const visitor of visitors) {
      await visitor.connect(url, random);
      await until(`${visitor.name} to be answered`, () => visitor.settled);
    }
  }

  /** What clients hold that they should not. */
  #differences(): string[] {
    const all = [...this.#all, ...this.#late];
    const texts = all.filter((wanderer) => wanderer instanceof TextWanderer);
    const [first] = texts;
    const found = texts
      .filter(({ text }) => text !== first?.text)
      .map(({ name, text }) => `${name} has the text ${JSON.stringify(text)}\n  not ${JSON.stringify(first?.text)}`);
    const sight = this.#aware.map(({ name, shown }) => `${name} shows ${shown}`).join(', ');
    for (const wanderer of this.#aware) {
      if (wanderer.sight !== sight) found.push(`${wanderer.name} sees that ${wanderer.sight}\n  not that ${sight}`);
    }
    for (const wanderer of all) {
      if (!(wanderer instanceof FieldWanderer)) continue;
      for (const documentId of this.#documents) {
        const expected = this.#expected.live(documentId);
        const { live } = wanderer.client.document(documentId);
        if (live !== expected) found.push(`${wanderer.name} has ${documentId} with ${unlike(live, expected)}`);
      }
    }
    return found;
  }

  /** The same for the rows in Postgres. */
  async #storedDifferences(): Promise<string[]> {
    const found: string[] = [];
    for (const documentId of this.#documents) {
      const { state = {} } = await this.#world.rowsOf(documentId);
      const expected = this.#expected.live(documentId);
      const stored = canonical(state);
      if (stored !== expected) found.push(`${documentId} is stored with ${unlike(stored, expected)}`);
      const floor = this.#checker.floor(documentId);
      found.push(...this.#checker.lost(documentId, state as Record<string, unknown>, floor));
    }
    const { textParts } = await this.#world.rowsOf(this.#textId);
    const stored = joined(textParts);
    const [first] = this.#typists;
    if (textOf(stored) !== first?.text) found.push(`the text is stored as ${JSON.stringify(textOf(stored))}`);
    for (const typist of this.#typists) {
      const lost = typist.lostIn(stored);
      if (lost > 0) found.push(`${lost} acknowledged states of ${typist.name} are not stored`);
    }
    return found;
  }

  #story(): string[] {
    return [
      ...this.#planned.map(({ name, node, delayMs }) => `${name} (${node.name}) after ${delayMs} ms`),
      ...this.#journeys.flatMap(({ story }) => story),
      ...this.#world.nodes.flatMap((node) => node.errorsSince(this.#began)),
    ];
  }

  #fieldClient(name: string, kind: Kind): FieldWanderer {
    return new FieldWanderer(name, kind, this.#documents, {
      sent: (clientId, message) => {
        this.#checker.sent(clientId, message);
        this.#expected.add(clientId, message);
      },
      acked: (clientId, message) => {
        this.#checker.acked(clientId, message);
      },
    });
  }

  #textClient(name: string): TextWanderer {
    return new TextWanderer(name, this.#textId, this.#seed % 2 === 0 ? 'binary' : 'json');
  }
}

/** The fields in which two states differ. */
function unlike(live: string, expected: string): string {
  const found = JSON.parse(live) as Record<string, unknown>;
  const wanted = JSON.parse(expected) as Record<string, unknown>;
  const names = [...new Set([...Object.keys(found), ...Object.keys(wanted)])].filter(
    (field) => canonical(found[field] ?? null) !== canonical(wanted[field] ?? null),
  );
  return names.map((field) => `${field} = ${String(found[field])} instead of ${String(wanted[field])}`).join(', ');
}

/** The state of a text whose parts are stored. */
function joined(parts: readonly Uint8Array[]): string {
  const core = new TextCore();
  const handle = core.open();
  core.apply(handle, parts);
  return Buffer.from(core.state(handle, false)).toString();
}
