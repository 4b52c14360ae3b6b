/** What can happen to a cluster. After an event everything runs and is connected again, as far as that lies with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../support/random.js';
import { ask } from '../../support/redis/redis.js';
import type { ClusterNode } from './cluster-node.js';
import type { ClusterWorld } from './cluster-world.js';

/** What an event harms; no two at a time harm the same. */
type Part = 'redis' | 'postgres' | 'node' | 'way to redis' | 'way to postgres' | 'publishes';

interface ClusterEvent {
  readonly part: Part;
  run(world: ClusterWorld, node: ClusterNode, random: Random): Promise<void>;
}

/** An event as a seed has drawn it. */
export interface PlannedEvent {
  readonly name: string;
  readonly node: ClusterNode;
  /** Time until it begins, in ms. */
  readonly delayMs: number;
}

/** More than two pings to Redis and the answer that the third waits for; also more than a statement may take. */
const LONGER_THAN_TIMEOUTS_MS = 3_600;
/** All events of a session begin within this time. */
const WITHIN_MS = 600;

/** Mostly short: a partition that nobody notices is one, too. */
async function aWhile(random: Random): Promise<void> {
  await sleep(random.once(4) ? LONGER_THAN_TIMEOUTS_MS : random.between(50, 700));
}

const events: Readonly<Record<string, ClusterEvent>> = {
  'kill -9 of Redis': {
    part: 'redis',
    async run({ redis }, _, random) {
      await redis.kill();
      await sleep(random.below(500));
      await redis.restart();
    },
  },
  'pause of Redis': {
    part: 'redis',
    async run({ redis }, _, random) {
      redis.freeze();
      await aWhile(random);
      redis.thaw();
    },
  },
  'end of all subscriptions': {
    part: 'redis',
    async run({ redis }) {
      await ask(redis.port, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    },
  },
  'kill -9 of Postgres': {
    part: 'postgres',
    async run({ postgres }, _, random) {
      await postgres.kill();
      await sleep(random.below(500));
      await postgres.restart();
    },
  },
  'end of all connections to Postgres': {
    part: 'postgres',
    run: (world) => world.terminateBackends(),
  },
  'kill -9 of a node': {
    part: 'node',
    run: (_, node) => node.restart('SIGKILL'),
  },
  'drain of a node': {
    part: 'node',
    run: (_, node) => node.restart('SIGTERM'),
  },
  'pause of a node': {
    part: 'node',
    async run(_, node, random) {
      node.freeze();
      await aWhile(random);
      node.thaw();
    },
  },
  'partition from Redis': {
    part: 'way to redis',
    async run(_, { redisProxy }, random) {
      redisProxy.set('down');
      await aWhile(random);
      redisProxy.set('open');
    },
  },
  'silence from Redis': {
    part: 'way to redis',
    async run(_, { redisProxy }, random) {
      redisProxy.set('stalled');
      await aWhile(random);
      redisProxy.set('open');
    },
  },
  'cut from Redis': {
    part: 'way to redis',
    run(_, { redisProxy }) {
      redisProxy.cut();
      return Promise.resolve();
    },
  },
  'partition from Postgres': {
    part: 'way to postgres',
    async run(_, { postgresProxy }, random) {
      postgresProxy.set('down');
      await aWhile(random);
      postgresProxy.set('open');
    },
  },
  'silence from Postgres': {
    part: 'way to postgres',
    async run(_, { postgresProxy }, random) {
      postgresProxy.set('stalled');
      await aWhile(random);
      postgresProxy.set('open');
    },
  },
  'cut from Postgres': {
    part: 'way to postgres',
    run(_, { postgresProxy }) {
      postgresProxy.cut();
      return Promise.resolve();
    },
  },
  'loss of publishes': {
    part: 'publishes',
    async run(_, { losses }, random) {
      losses.every = random.between(1, 4);
      await sleep(random.between(200, 1_500));
      losses.every = 0;
    },
  },
};

export const eventNames = Object.keys(events);

/** A few events that are under way at the same time. */
export function planEvents(world: ClusterWorld, random: Random): PlannedEvent[] {
  const harmed = new Set<string>();
  const planned: PlannedEvent[] = [];
  for (let tries = random.between(2, 4); tries > 0; tries--) {
    const name = random.pick(eventNames);
    const node = random.pick(world.nodes);
    const delayMs = random.below(WITHIN_MS);
    const { part } = events[name]!;
    const victim = part === 'redis' || part === 'postgres' ? part : `${part} ${node.name}`;
    if (!harmed.has(victim)) planned.push({ name, node, delayMs });
    harmed.add(victim);
  }
  return planned;
}

/** @returns When all of them are over. @throws What went wrong with the first, when all are over. */
export async function playEvents(world: ClusterWorld, planned: readonly PlannedEvent[], seed: number): Promise<void> {
  const played = planned.map(async ({ name, node, delayMs }, i) => {
    await sleep(delayMs);
    await events[name]!.run(world, node, new Random(seed + i));
  });
  const failed = (await Promise.allSettled(played)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
