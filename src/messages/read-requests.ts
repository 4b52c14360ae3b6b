/** What the records of reads hold. */

/** Payload of a `subscribe` record, made by the acceptor from the parsed message. */
export interface SubscribeRequest {
  /** The id of the client's message, by which it knows the answer. */
  readonly requestId: string;
  /** Present when the client asks for what it has not seen only: the last stamp that it has seen of each writer. */
  readonly vector?: readonly (readonly [clientId: string, stamp: number])[] | undefined;
  /** The largest stamp that the client has seen, of any writer; that of the vector when it is missing. */
  readonly seen?: number | undefined;
  /** The asking client's own id, where it is known. */
  readonly clientId?: string | undefined;
  /** Whether each field is sent as a `delta` of its own besides the state, or instead of it. */
  readonly replay?: 'besides' | 'alone' | undefined;
  /** Whether it is for server-sent events: the answer's id says from where on they can be resumed. */
  readonly isForEvents?: true | undefined;
}

/** Payload of a `stateVector` record. */
export interface StateVectorRequest {
  readonly requestId: string;
  /** The last stamp that the client has seen of each writer. */
  readonly vector: readonly (readonly [clientId: string, stamp: number])[];
  /** As in `SubscribeRequest`. */
  readonly seen?: number | undefined;
}
