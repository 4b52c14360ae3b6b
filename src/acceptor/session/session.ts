import type { WebSocket } from 'uWebSockets.js';
import type { Identity } from '../../auth/tokens.js';
import type { Access } from '../../auth/permissions.js';
import type { ChunkAssembler } from '../../protocol/chunks.js';
import type { MessageType } from '../../protocol/codes.js';
import { encodeFrame, type Body, type Encoding } from '../../protocol/encode.js';
import type { Origin } from '../../messages/task.js';
import { noCompression, type Compression } from '../compression.js';
import type { ReadGate } from './read-gate.js';
import type { SessionMeter } from './session-meter.js';
import type { TokenBucket } from './token-bucket.js';

/** What a session may do follows from its state alone. */
export type SessionState =
  /** Not authenticated; closed when the deadline comes first. */
  | { readonly kind: 'connecting'; readonly deadline: NodeJS.Timeout }
  | {
      readonly kind: 'authenticated';
      readonly identity: Identity;
      readonly access: Access;
      /** Ends the session when its token does. */
      readonly expiry: NodeJS.Timeout | undefined;
    }
  /** Told to go; what it still sends is refused. */
  | { readonly kind: 'draining' }
  /** The socket must not be touched. */
  | { readonly kind: 'closed' };

/** A socket's user data; uWS copies the object it is given, so the session itself is one level down. */
export interface SocketData {
  readonly session: Session;
  /** What the upgrade request brought; gone once it was looked at, as it may be long. */
  token: string | undefined;
}

/** A session's part in awareness. Most sessions have none, and ten thousand empty maps are megabytes. */
export interface SessionAwareness {
  /** Documents whose awareness it follows, and the encoding it is sent in. */
  readonly documents: Map<string, Encoding>;
  /** Client ids that it speaks for. */
  readonly clientIds: Set<string>;
}

/** One connection. */
export class Session {
  #state: SessionState = { kind: 'closed' };
  #encoding: Encoding = 'binary';
  /** Whether the client has shown that it understands `delta_batch`. */
  supportsBatch = false;
  /** Documents and the variants held of each, as bits. */
  readonly subscriptions = new Map<string, number>();
  /** What it shows and follows of awareness, once it does. */
  awareness: SessionAwareness | undefined;
  /** While it has reads under way. */
  reads: ReadGate | undefined;
  /** Whom it speaks for, once that is known; for the count of users. */
  userId: string | undefined;
  chunks: ChunkAssembler | undefined;
  /** Drops unfinished chunk sets of a client that went silent. */
  chunkTimer: NodeJS.Timeout | undefined;
  /** A frame for it was dropped; it is about to be closed. */
  tooSlow = false;
  /** Set while it is open. */
  #socket: WebSocket<SocketData> | undefined;

  /**
   * @param number Never used again by this process.
   * @param address Where the client is, as far as proxies are trusted.
   */
  constructor(
    readonly number: number,
    readonly address: string,
    readonly bucket: TokenBucket,
    readonly meter: SessionMeter,
    readonly compression: Compression = noCompression,
  ) {}

  get state(): SessionState {
    return this.#state;
  }

  /** Becomes json with the first text frame, for good. */
  get encoding(): Encoding {
    return this.#encoding;
  }

  set encoding(encoding: Encoding) {
    this.meter.left(this.#encoding, this.#state.kind);
    this.#encoding = encoding;
    this.meter.entered(this.#encoding, this.#state.kind);
  }

  get socket(): WebSocket<SocketData> {
    if (this.#socket === undefined) throw new Error('the session has no socket');
    return this.#socket;
  }

  open(socket: WebSocket<SocketData>, state: SessionState): void {
    this.#socket = socket;
    this.#move(state);
  }

  /** Moves to another state; timers of the former end. */
  become(state: SessionState): void {
    switch (this.state.kind) {
      case 'connecting':
        clearTimeout(this.state.deadline);
        break;
      case 'authenticated':
        clearTimeout(this.state.expiry);
        break;
      case 'draining':
      case 'closed':
        break;
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

  /** Its part in awareness, from now on. */
  ensureAwareness(): SessionAwareness {
    return (this.awareness ??= { documents: new Map(), clientIds: new Set() });
  }

  origin(): Origin {
    return { session: this.number, encoding: this.encoding, supportsBatch: this.supportsBatch };
  }

  /** Sends a message of the acceptor's own. */
  reply(type: MessageType, body: Body): void {
    this.send(encodeFrame(type, body, Date.now(), this.#encoding), type);
  }

  /** Sends a finished frame; one that the socket has no room for is counted and ends the session in `dropped`. */
  send(frame: Uint8Array, type: MessageType, encoding: Encoding = this.#encoding): void {
    if (!this.isOpen) return;
    this.socket.send(frame, encoding === 'binary', this.compression.isFor(frame, 1));
    this.meter.sent(type, frame.length);
  }
}
