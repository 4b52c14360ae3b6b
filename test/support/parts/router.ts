/** A router whose shards only keep what they are given. */
import { pino } from 'pino';
import type { Test } from 'tap';
import { Awareness } from '../../../src/acceptor/awareness/awareness.js';
import type { CoalescerOptions } from '../../../src/acceptor/coalescer.js';
import { Control } from '../../../src/acceptor/control.js';
import { Charges } from '../../../src/acceptor/session/limits/charges.js';
import { SampledLog } from '../../../src/log.js';
import { Router } from '../../../src/acceptor/router.js';
import { Authentication } from '../../../src/acceptor/session/authentication.js';
import { HeldBytes } from '../../../src/acceptor/session/held-frames.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { Topics } from '../../../src/acceptor/fan-out/topics.js';
import { compilePermissions } from '../../../src/auth/permissions.js';
import { anonymousIdentity } from '../../../src/auth/tokens/tokens.js';
import { Refusals } from '../../../src/acceptor/session/refusals.js';
import type { WriteCheck } from '../../../src/acceptor/session/checked-writes.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { coalescerFixture, turn, type RecordingShards } from './recording-shards.js';
import { readAdmission } from './budgets.js';
import { recordingSession, type RecordingSession } from './recording-session.js';

/** Sets of chunks that a session may have open. */
export const MAX_SETS = 2;

export interface RouterFixture {
  readonly shards: RecordingShards;
  readonly topics: Topics;
  readonly heldBytes: HeldBytes;
  /** Makes the messages of a session wait, until what it returns is called. */
  readonly hold: (client: Client) => () => void;
  /** A session; `connecting` has not authenticated. */
  readonly join: (about?: { mayWrite?: string[]; perMinute?: number; state?: 'connecting' | 'draining' }) => Client;
}

export interface Client extends RecordingSession {
  /** Routes a text frame; returns what was sent back, in short. */
  readonly send: (message: object | string) => string[];
  /** As `send`, in a binary frame that holds JSON. */
  readonly sendBinary: (message: object) => string[];
}

export function routerFixture(
  t: Test,
  options: Partial<CoalescerOptions> = {},
  writeCheck?: WriteCheck,
): RouterFixture {
  const { coalescer, shards } = coalescerFixture(options);
  const metrics = new AcceptorMetrics(undefined);
  const limits = {
    timeoutMs: 60_000,
    maxClientIds: 10,
    maxDocuments: 10,
    maxBytes: 1_000_000,
    maxSessionBytes: 1_000_000,
  };
  const awareness = new Awareness({ publish: () => undefined, metrics, meter: new SessionMeter(metrics), ...limits });
  const topics = new Topics(2);
  const control = new Control({
    coalescer,
    topics,
    awareness,
    admission: readAdmission(),
    answerAwareness: () => undefined,
    maxVectorEntries: 10_000,
    maxSubscriptions: 2,
    maxAwarenessBytes: 10,
    maxValueDepth: 200,
    replayDelayMs: 0,
  });
  const log = new SampledLog(pino({ level: 'silent' }));
  const authentication = new Authentication({
    verifier: { verify: () => ({ ok: false, code: 'AUTH_FAILED' }) },
    required: false,
    timeoutMs: 60_000,
    log,
    metrics,
    onIdentity: () => undefined,
  });
  const charges = new Charges({ maxMessagesBeforeAuth: 20, maxBytesBeforeAuth: 1_000_000 });
  const heldBytes = new HeldBytes(1_000_000);
  const router = new Router({
    ...{ authentication, coalescer, control, topics, awareness, metrics, charges, writeCheck },
    refusals: new Refusals({ metrics, charges, log }),
    heldBytes,
    chunkLimits: { sets: MAX_SETS, bytes: 100_000, timeout: 60_000 },
    chunkMemory: { maxBytes: 1_000_000, bytes: 0 },
    fence: () => Promise.resolve(),
  });
  const clients: Client[] = [];
  t.teardown(async () => {
    // What was written in this turn opens a window at its end.
    await turn();
    for (const { session } of clients) {
      clearTimeout(session.chunkTimer);
      session.become({ kind: 'closed' });
    }
    coalescer.stop();
    awareness.stop();
  });
  return {
    shards,
    topics,
    heldBytes,
    hold: ({ session }) => router.hold(session),
    join: ({ mayWrite = ['*'], perMinute = 0, state } = {}) => {
      const made = recordingSession(perMinute);
      const { session, socket } = made;
      if (state === 'connecting') session.become({ kind: state });
      else if (state === undefined) {
        const permissions = { ...anonymousIdentity.permissions, canWrite: mayWrite };
        const access = compilePermissions(permissions);
        session.become({ kind: 'authenticated', identity: anonymousIdentity, access });
      }
      const route = (bytes: Buffer, text: boolean): string[] => {
        const before = socket.calls.length;
        router.handle(session, bytes, text);
        return socket.calls.slice(before);
      };
      const client: Client = {
        ...made,
        send: (message) => route(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), true),
        sendBinary: (message) => route(Buffer.from(JSON.stringify(message)), false),
      };
      clients.push(client);
      return client;
    },
  };
}

/** A write of the field `f`. */
export function delta(documentId: string, more: object = {}): object {
  return { type: 'delta', timestamp: 1, id: 'm', messageId: 'm', documentId, field: 'f', value: 1, ...more };
}
