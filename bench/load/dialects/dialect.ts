import type { DeltaOptions, Template } from '../frames.js';

/** Names of the protocols that the load speaks. */
export type DialectName = 'synckit' | 'centrifugo' | 'hocuspocus';

/** What a dialect reports of the frames that a client gets. */
export interface Receiver {
  /** The state of a document. @param bytes Length of its frame. */
  state(bytes: number): void;
  /**
   * Updates, whose marks lie in `bytes` from `start` to `end`.
   *
   * @param turn Something that frames of one turn of the server have in common; 0 when nothing tells.
   * @param isOne There is one update in it, so no other has to be looked for.
   */
  updates(bytes: Buffer, start: number, end: number, turn: number, isOne: boolean): void;
  /** The ack of a write, which holds its mark from `start` to `end`, if it has one. */
  ack(bytes: Buffer, start: number, end: number): void;
  /** What the server complains about. */
  error(text: string): void;
  send(frame: Buffer): void;
}

/** A protocol that clients speak with a server, as far as the load needs it. */
export interface Dialect {
  /** Of the WebSocket. */
  readonly path: string;
  /** Opcode of the WebSocket frames that hold messages. */
  readonly opcode: number;
  /** What a client says first, if anything. */
  readonly greeting: Buffer | undefined;
  /** Frames that subscribe to a document; its state comes back. */
  subscribe(documentId: string): Buffer;
  /** Makes the frames of a writer. */
  writes(options: DeltaOptions): Template;
  /** Reports what a message holds, whose payload is `bytes` from `start` to `end`. */
  read(receiver: Receiver, bytes: Buffer, start: number, end: number): void;
}
