/** The life of a client among the nodes of a cluster. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.js';
import type { ClusterNode } from './cluster/cluster-node.js';
import type { Wanderer } from './cluster/wanderer.js';

/** Without an ack for so long a client tries another node; longer than a commit takes that is tried again. */
const PATIENCE_MS = 1_500;

export class Journey {
  readonly wanderer: Wanderer;
  readonly #nodes: readonly ClusterNode[];
  readonly #random: Random;
  readonly #began = Date.now();
  readonly #story: string[] = [];
  #phase: 'writing' | 'resting' | 'over' = 'writing';
  #living: Promise<void> | undefined;
  #acks = 0;
  #progressAt = 0;

  constructor(wanderer: Wanderer, nodes: readonly ClusterNode[], random: Random) {
    this.wanderer = wanderer;
    this.#nodes = nodes;
    this.#random = random;
  }

  /** Where it was when, and what it asked for there. */
  get story(): readonly string[] {
    return this.#story;
  }

  begin(): void {
    this.#living = this.#live();
  }

  /** Nothing is written any more, and nobody leaves a node that keeps the connection open. */
  rest(): void {
    this.#phase = 'resting';
    this.#tell('rests');
  }

  async end(): Promise<void> {
    this.#phase = 'over';
    this.wanderer.disconnect();
    await this.#living;
    this.wanderer.disconnect();
  }

  async #live(): Promise<void> {
    for (let phase = this.#now(); phase !== 'over'; phase = this.#now()) {
      const { wanderer } = this;
      if (phase === 'writing') {
        if (wanderer.connected && (this.#random.once(60) || this.#isTired())) {
          this.#tell('leaves');
          wanderer.disconnect();
        }
        if (this.#random.once(2)) wanderer.act(this.#random);
      } else {
        wanderer.nudge();
      }
      if (!wanderer.connected) await this.#move();
      await sleep(this.#random.between(5, 60));
    }
  }

  #now(): 'writing' | 'resting' | 'over' {
    return this.#phase;
  }

  /** Whether it has waited for its acks for too long. */
  #isTired(): boolean {
    const { settled, acks } = this.wanderer;
    if (settled || acks > this.#acks) this.#progressAt = performance.now();
    this.#acks = acks;
    return performance.now() - this.#progressAt > PATIENCE_MS;
  }

  async #move(): Promise<void> {
    const { name, url } = this.#random.pick(this.#nodes);
    this.#progressAt = performance.now();
    try {
      const asked = await this.wanderer.connect(url, this.#random);
      this.#tell(`is on ${name} and asked for ${asked}`);
    } catch {
      // It may be gone; another one is tried a little later.
      this.#tell(`does not get to ${name}`);
    }
  }

  #tell(what: string): void {
    this.#story.push(`${Date.now() - this.#began} ms: ${this.wanderer.name} ${what}`);
  }
}
