/** Awareness of nodes without sockets: a network between them that loses, repeats and reorders, and followers. */
import { PresenceFollower } from './presence-follower.js';
import { decodePresence, encodePresence } from '../../src/cluster/presence-message.js';
import { AcceptorMetrics } from '../../src/metrics/acceptor-metrics.js';
import { Presence, type PresenceOptions } from '../../src/acceptor/presence.js';
import { SessionMeter } from '../../src/acceptor/session-meter.js';
import { presenceKinds, readPresenceTask } from '../../src/shards/presence-task.js';

export interface PresenceNode {
  readonly run: string;
  readonly presence: Presence;
  readonly follower: PresenceFollower;
  /** Documents that the bus follows for it. */
  readonly followed: Set<string>;
  /** Whether the shard has a worker. */
  running: boolean;
}

export class PresenceNetwork {
  readonly nodes: PresenceNode[] = [];
  /** What every message is given to, and how often it arrives at one node: 1 unless it is lost or repeated. */
  arrivals: () => number = () => 1;
  /** Ms until a message arrives. */
  delay: () => number = () => 0;
  /** Messages that were sent, by kind. */
  readonly sent = { changes: 0, all: 0, ask: 0 };

  open(run: string, options: Partial<PresenceOptions> = {}): PresenceNode {
    const followed = new Set<string>();
    const follower = new PresenceFollower();
    const presence: Presence = new Presence({
      metrics: new AcceptorMetrics(undefined),
      meter: new SessionMeter(new AcceptorMetrics(undefined)),
      publish: follower.publish,
      timeoutMs: 1_000_000,
      maxClientIds: 100,
      maxBytes: 100_000_000,
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
          tell: (_index, bytes) => this.#take(node, bytes),
        },
      },
      ...options,
    });
    const node: PresenceNode = { run, presence, follower, followed, running: true };
    this.nodes.push(node);
    return node;
  }

  /** The node is no more, and says nothing. */
  kill(node: PresenceNode): void {
    node.presence.stop();
    node.running = false;
    node.followed.clear();
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** What a bus does when messages can have been lost. */
  reconnect(node: PresenceNode): void {
    for (const documentId of node.followed) this.#activate(node, documentId);
  }

  #take(node: PresenceNode, bytes: Uint8Array<ArrayBuffer>): void {
    for (const { kind, documentId, message } of readPresenceTask(bytes)) {
      switch (kind) {
        case presenceKinds.follow:
          node.followed.add(documentId);
          this.#activate(node, documentId);
          break;
        case presenceKinds.unfollow:
          node.followed.delete(documentId);
          break;
        case presenceKinds.say:
          this.#send(node, documentId, Buffer.from(message));
      }
    }
  }

  #activate(node: PresenceNode, documentId: string): void {
    this.#send(node, documentId, encodePresence({ kind: 'ask', run: node.run }));
    setImmediate(() => node.presence.active(documentId));
  }

  #send(from: PresenceNode, documentId: string, message: Buffer): void {
    const { kind } = decodePresence(message);
    if (kind === 'malformed' || kind === 'unreadable') throw new Error(`a node sent what is ${kind}`);
    this.sent[kind]++;
    for (const node of this.nodes) {
      if (node === from) continue;
      for (let i = this.arrivals(); i > 0; i--) {
        setTimeout(() => {
          if (node.followed.has(documentId)) node.presence.receive(documentId, message);
        }, this.delay());
      }
    }
  }
}
