/** Awareness of nodes without sockets: a network between them that loses, repeats and reorders, and followers. */
import type { Test } from 'tap';
import { AwarenessFollower, shownBy } from '../clients/awareness-follower.js';
import { decodeAwareness, encodeAwareness } from '../../../src/cluster/awareness-message.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { Awareness, type AwarenessOptions } from '../../../src/acceptor/awareness/awareness.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { awarenessKinds, readAwarenessTask } from '../../../src/messages/awareness-task.js';
import { until } from './server.js';

export interface AwarenessNode {
  readonly run: string;
  readonly awareness: Awareness;
  readonly follower: AwarenessFollower;
  /** Documents that the bus follows for it. */
  readonly followed: Set<string>;
  /** Whether the shard has a worker. */
  running: boolean;
}

export class AwarenessNetwork {
  readonly nodes: AwarenessNode[] = [];
  /** What every message is given to, and how often it arrives at one node: 1 unless it is lost or repeated. */
  arrivals: () => number = () => 1;
  /** Ms until a message arrives. */
  delay: () => number = () => 0;
  /** Messages that were sent, by kind. */
  readonly sent = { changes: 0, all: 0, ask: 0 };

  open(run: string, options: Partial<AwarenessOptions> = {}): AwarenessNode {
    const followed = new Set<string>();
    const follower = new AwarenessFollower();
    const awareness: Awareness = new Awareness({
      metrics: new AcceptorMetrics(undefined),
      meter: new SessionMeter(new AcceptorMetrics(undefined)),
      publish: follower.publish,
      timeoutMs: 1_000_000,
      maxClientIds: 100,
      maxBytes: 100_000_000,
      maxSessionBytes: 100_000_000,
      maxDocuments: 100,
      cluster: {
        run,
        maxRemoteBytes: 10_000_000,
        flushMs: 1,
        shards: {
          count: 1,
          indexOf: () => 0,
          running: () => node.running,
          ready: () => node.running,
          send: (_index, bytes) => this.#take(node, bytes),
        },
      },
      ...options,
    });
    const node: AwarenessNode = { run, awareness, follower, followed, running: true };
    this.nodes.push(node);
    return node;
  }

  /** The node is no more, and says nothing. */
  kill(node: AwarenessNode): void {
    node.awareness.stop();
    node.running = false;
    node.followed.clear();
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** What a bus does when messages can have been lost. */
  reconnect(node: AwarenessNode): void {
    for (const documentId of node.followed) this.#activate(node, documentId);
  }

  #take(node: AwarenessNode, bytes: Uint8Array<ArrayBuffer>): void {
    for (const { kind, documentId, message } of readAwarenessTask(bytes)) {
      switch (kind) {
        case awarenessKinds.follow:
          node.followed.add(documentId);
          this.#activate(node, documentId);
          break;
        case awarenessKinds.unfollow:
          node.followed.delete(documentId);
          break;
        case awarenessKinds.publish:
          this.#send(node, documentId, Buffer.from(message));
      }
    }
  }

  #activate(node: AwarenessNode, documentId: string): void {
    this.#send(node, documentId, encodeAwareness({ kind: 'ask', run: node.run }));
    setImmediate(() => node.awareness.active(documentId));
  }

  #send(from: AwarenessNode, documentId: string, message: Buffer): void {
    const { kind } = decodeAwareness(message);
    if (kind === 'malformed' || kind === 'unreadable') throw new Error(`a node sent what is ${kind}`);
    this.sent[kind]++;
    for (const node of this.nodes) {
      if (node === from) continue;
      for (let i = this.arrivals(); i > 0; i--) {
        setTimeout(() => {
          if (node.followed.has(documentId)) node.awareness.receive(documentId, message);
        }, this.delay());
      }
    }
  }
}

/** A network whose nodes stop with the test. */
export function network(t: Test): AwarenessNetwork {
  const made = new AwarenessNetwork();
  t.teardown(() => made.nodes.forEach(({ awareness }) => awareness.stop()));
  return made;
}

/** A client sets its state; null removes it. Returns what the node makes of it. */
export function setState(
  { awareness }: AwarenessNode,
  session: Session,
  clientId: string,
  state: object | null,
  clock: number,
  { userId = 'u', documentId = 'd' } = {},
): string {
  const text = state === null ? undefined : JSON.stringify(state);
  return awareness.update(session, userId, { documentId, clientId, state: text, clock });
}

/** Waits until all nodes and their subscribers show this. */
export async function shows(
  nodes: readonly AwarenessNode[],
  expected: readonly string[],
  documentId = 'd',
): Promise<void> {
  const wanted = JSON.stringify([...expected].sort());
  await until(
    `all to show ${wanted}`,
    () =>
      nodes.every(({ awareness, follower }) => {
        return (
          JSON.stringify(shownBy(awareness, documentId)) === wanted &&
          JSON.stringify(follower.known(documentId)) === wanted
        );
      }),
    10_000,
  ).catch((error: unknown) => {
    const found = nodes.map(({ run, awareness, follower }) => ({
      ...{ run, shown: shownBy(awareness, documentId), known: follower.known(documentId), heard: follower.heard },
    }));
    throw new Error(`${String(error)}: ${JSON.stringify(found, undefined, 1)}`);
  });
}
