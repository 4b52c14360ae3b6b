import type { TemplatedApp } from 'uWebSockets.js';
import type { Identity } from '../../auth/identity.js';
import type { Access } from '../../auth/permissions.js';
import type { ChunkAssembler } from '../../protocol/chunks.js';
import type { MessageType } from '../../protocol/codes.js';
import { encodeFrame, type Body, type Encoding } from '../../protocol/encode.js';
import type { Origin } from '../../messages/task.js';
import { noCompression, type Compression } from './compression.js';
import type { Budgets, SessionBudget, UserBudget } from './limits/budgets.js';
import type { Credential } from './credential.js';
import type { SessionChecks } from './session-checks.js';
import type { Deadlines, Due } from './parts/deadlines.js';
import type { HeldFrames } from './held-frames.js';
import type { ReadGate } from './limits/read-gate.js';
import type { SessionMeter } from './limits/session-meter.js';
import { SmallMap } from './parts/small-map.js';
import type { User } from './parts/user.js';

/** What a session needs of its connection. uWS's sockets are such; see there. */
export interface SessionSocket {
  send(frame: Uint8Array, isBinary: boolean, compress: boolean): unknown;
  publish(topic: string, frame: Uint8Array, isBinary: boolean, compress: boolean): boolean;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  cork(action: () => void): unknown;
  end(code: number, reason: string): void;
  close(): void;
  getBufferedAmount(): number;
}

/** The state of a session. What the session may do depends on it alone. */
export type SessionState =
  /** Not authenticated yet. */
  | { readonly kind: 'connecting' }
  | {
      readonly kind: 'authenticated';
      readonly identity: Identity;
      readonly access: Access;
    }
  /** About to be closed by a drain; what it still sends is refused. */
  | { readonly kind: 'draining' }
  /** The socket must not be touched. */
  | { readonly kind: 'closed' };

/** A socket's user data. uWS copies this object, hence the session is a reference inside it. */
export interface SocketData {
  readonly session: Session;
  /** From the upgrade request; dropped after its verification, as it may be long. */
  credential: Credential | undefined;
}

/** Bounds how many connections may hold memory after their end. */
export interface Endings {
  /** Whether one more may; then it is counted. */
  mayLinger(): boolean;
}

/** What a session has sent before it was authenticated. */
export interface Early {
  messages: number;
  bytes: number;
}

/** What all sessions of a kind have in common. */
export interface SessionParts {
  readonly meter: SessionMeter;
  /** Gives a session its budget. */
  readonly budgets: Pick<Budgets, 'ofSession'>;
  /** Default: nothing is compressed. */
  readonly compression?: Compression;
}

/** The awareness of a session; most sessions have none. */
export interface SessionAwareness {
  /** Documents whose awareness it is subscribed to, and the encoding of each subscription. */
  readonly documents: SmallMap<Encoding>;
  /** Client ids that are bound to it, with the documents in which they are. */
  readonly clientIds: SmallMap<Set<string>>;
}

/** What a session wants of a document, as bits of `variants`. */
export interface Subscription {
  /** What the shard is asked for. */
  wanted: number;
  /** The part of it whose native topics the socket is in. */
  joined: number;
  /** Of the subscription; counts up. */
  readonly number: number;
  /** Who follows the document by it, where that is told. */
  user?: string | undefined;
}

/** One connection. There may be a hundred thousand: what few of them need is made when they need it. */
export class Session implements Due {
  #state: SessionState = { kind: 'closed' };
  #encoding: Encoding = 'binary';
  /** Whether the client has sent a message that shows that it understands `delta_batch`. */
  supportsBatch = false;
  /** Whether it is a stream of server-sent events. */
  get isEventStream(): boolean {
    return false;
  }

  /** Whether it has written a binary `delta`, as SDK 0.1.x does, which takes fields and ignores states. */
  readsFields = false;
  /** Whether it has asked twice for one document, which SDK 0.1.x does not. */
  readsState = false;
  /** By document. */
  readonly subscriptions = new SmallMap<Subscription>();
  /** Undefined until the session uses awareness. */
  awareness: SessionAwareness | undefined;
  /** Undefined while no read is in progress or waits. */
  reads: ReadGate | undefined;
  /** Whom it is counted for: its user, or, without one, its address. Undefined before authentication. */
  user: User<Session> | undefined;
  /** Undefined once it is authenticated, and while it has sent nothing. */
  early: Early | undefined;
  /** Bytes that waited for its socket when it was last looked at. */
  outgoingBytes = 0;
  /** Since when none of them went, in ms of the monotonic clock; undefined while they are few or go. */
  stuckSince: number | undefined;
  /** The set that it is in with a deadline: to authenticate, or the end of its token. */
  deadlines: Deadlines<Session> | undefined;
  dueAt = 0;
  duePlace = -1;
  /** Set while it is not authenticated. */
  endings: Endings | undefined;
  /** The app that its socket belongs to. */
  app: Pick<TemplatedApp, 'publish'> | undefined;
  /** Number of its last read. */
  lastRead = 0;
  chunks: ChunkAssembler | undefined;
  /** Set while its messages wait for something about it to become known. */
  held: HeldFrames | undefined;
  /** Set while messages wait for what the application says about writes. */
  checks: SessionChecks | undefined;
  /** Drops unfinished chunk sets that have timed out. */
  chunkTimer: NodeJS.Timeout | undefined;
  /** uWS has dropped a frame for it; it is about to be closed. */
  tooSlow = false;
  /** Undefined until it is opened. */
  #socket: SessionSocket | undefined;
  /** Undefined while nothing of it is in use. */
  #budget: SessionBudget | undefined;
  readonly #parts: SessionParts;

  /**
   * @param number Unique in this process, never used again.
   * @param address Of the client, behind trusted proxies.
   */
  constructor(
    readonly number: number,
    readonly address: string,
    parts: SessionParts,
  ) {
    this.#parts = parts;
  }

  get budget(): SessionBudget {
    return (this.#budget ??= this.#parts.budgets.ofSession());
  }

  /** Undefined before authentication, and for clients of this host without a user. */
  get userBudget(): UserBudget | undefined {
    return this.user?.budget;
  }

  /** Undefined before authentication. */
  get userId(): string | undefined {
    return this.user?.id;
  }

  get meter(): SessionMeter {
    return this.#parts.meter;
  }

  get compression(): Compression {
    return this.#parts.compression ?? noCompression;
  }

  /** Forgets budgets that are as good as new ones. @param now Milliseconds of the monotonic clock. */
  rest(now: number): void {
    // A read that is not answered yet is charged to them once more.
    if (this.reads !== undefined) return;
    if (this.#budget?.isUnused(now) === true) this.#budget = undefined;
    this.user?.rest(now);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Binary until the first text frame, then JSON for good. */
  get encoding(): Encoding {
    return this.#encoding;
  }

  set encoding(encoding: Encoding) {
    this.meter.left(this.#encoding, this.#state.kind);
    this.#encoding = encoding;
    this.meter.entered(this.#encoding, this.#state.kind);
  }

  /** @throws Error before `open`. */
  get socket(): SessionSocket {
    if (this.#socket === undefined) throw new Error('the session has no socket');
    return this.#socket;
  }

  open(socket: SessionSocket, state: SessionState): void {
    this.#socket = socket;
    this.#move(state);
  }

  /** Enters another state, which has no deadline until it is given one. */
  become(state: SessionState): void {
    this.deadlines?.remove(this);
    this.deadlines = undefined;
    if (this.state.kind === 'authenticated') {
      if (state.kind !== 'authenticated' || state.access !== this.state.access) this.state.access.close?.();
    }
    this.#move(state);
  }

  #move(state: SessionState): void {
    this.meter.left(this.#encoding, this.#state.kind);
    this.#state = state;
    this.meter.entered(this.#encoding, this.#state.kind);
  }

  get isOpen(): boolean {
    return this.state.kind !== 'closed';
  }

  /** Its awareness, created if there is none. */
  ensureAwareness(): SessionAwareness {
    return (this.awareness ??= { documents: new SmallMap(), clientIds: new SmallMap() });
  }

  /** Names the session as the origin of a record. */
  origin(): Origin {
    return { session: this.number, encoding: this.encoding, supportsBatch: this.supportsBatch };
  }

  /**
   * Closes it with a code. uWS keeps an unfinished or large message until the client has closed the connection as well; so
   * of those who are not authenticated, when too many do that, further ones are closed without a code.
   *
   * @param mayHold Whether there may be such a message. While a message is handled, there is none besides it.
   */
  end(code: number, reason: string, mayHold = this.held !== undefined): void {
    if (mayHold && this.endings?.mayLinger() === false) this.socket.close();
    else this.socket.end(code, reason);
  }

  /** Encodes and sends a message. */
  reply(type: MessageType, body: Body): void {
    this.send(encodeFrame(type, body, Date.now(), this.#encoding), type);
  }

  /**
   * Sends a finished frame. If the socket's buffer is over its limit, uWS drops the frame and the session is closed.
   */
  send(frame: Uint8Array, type: MessageType, encoding: Encoding = this.#encoding): void {
    if (!this.isOpen) return;
    this.socket.send(frame, encoding === 'binary', this.compression.isFor(frame, 1));
    this.meter.sent(type, frame.length);
  }
}
