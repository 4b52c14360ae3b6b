/** Who else is there, by awareness: names, colours, and where their cursors are. */
import type { Connection, Message } from './connection.js';
import type { ClusterId } from './text-model.js';

/** A place in the text: behind this cluster; null: at the beginning. */
export type Place = ClusterId | null;

/** What a page tells of itself. */
export interface Peer {
  readonly name: string;
  readonly color: string;
  /** Its selection in the text; the caret is at `head`. */
  readonly cursor?: { readonly anchor: Place; readonly head: Place } | undefined;
  /** The field that it edits. */
  readonly field?: string | undefined;
}

export interface PeersOptions {
  readonly documentId: string;
  readonly clientId: string;
  readonly connection: Connection;
  readonly onChanged: () => void;
}

/** Between two updates, in ms; the last one is always sent. */
const PACE_MS = 60;
/** The server forgets whom it does not hear of. */
const RENEW_MS = 10_000;

export class Peers {
  readonly #options: PeersOptions;
  readonly #others = new Map<string, Peer>();
  #own: Peer;
  #clock = 0;
  #timer: number | undefined;

  constructor(own: Peer, options: PeersOptions) {
    this.#own = own;
    this.#options = options;
    setInterval(() => {
      this.#send();
    }, RENEW_MS);
  }

  get own(): Peer {
    return this.#own;
  }

  /** By client id. */
  get others(): ReadonlyMap<string, Peer> {
    return this.#others;
  }

  join(): void {
    this.#others.clear();
    this.#options.connection.send('awareness_subscribe', { documentId: this.#options.documentId });
    this.#send();
    this.#options.onChanged();
  }

  left(): void {
    this.#others.clear();
    this.#options.onChanged();
  }

  tell(change: Partial<Peer>): void {
    this.#own = { ...this.#own, ...change };
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, PACE_MS);
  }

  take(message: Message): void {
    const { documentId } = this.#options;
    if (message['documentId'] !== documentId) return;
    if (message.type === 'awareness_state') {
      for (const entry of message['states'] as readonly unknown[]) this.#put(entry);
    } else if (message.type === 'awareness_update') {
      this.#put(message);
    } else {
      return;
    }
    this.#options.onChanged();
  }

  #put(entry: unknown): void {
    const { clientId, state } = entry as { readonly clientId: string; readonly state: unknown };
    if (clientId === this.#options.clientId) return;
    const peer = readPeer(clientId, state);
    if (peer === undefined) this.#others.delete(clientId);
    else this.#others.set(clientId, peer);
  }

  #send(): void {
    const { connection, documentId, clientId } = this.#options;
    if (!connection.isReady) return;
    connection.send('awareness_update', { documentId, clientId, state: this.#own, clock: ++this.#clock });
  }
}

/** Other kinds of clients may tell anything of themselves. */
function readPeer(clientId: string, state: unknown): Peer | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const { name, color, cursor, field } = state as Readonly<Record<string, unknown>>;
  return {
    name: typeof name === 'string' ? name.slice(0, 40) : clientId.slice(0, 12),
    color: typeof color === 'string' && CSS.supports('color', color) ? color : colorOf(clientId),
    cursor: readCursor(cursor),
    field: typeof field === 'string' ? field : undefined,
  };
}

function readCursor(cursor: unknown): Peer['cursor'] {
  if (typeof cursor !== 'object' || cursor === null) return undefined;
  const { anchor, head } = cursor as { readonly anchor?: unknown; readonly head?: unknown };
  return isPlace(anchor) && isPlace(head) ? { anchor, head } : undefined;
}

function isPlace(place: unknown): place is Place {
  if (typeof place !== 'object') return false;
  if (place === null) return true;
  const { author, clock } = place as Partial<ClusterId>;
  return typeof author === 'string' && typeof clock === 'number';
}

/** A colour that is readable on light and dark, the same for the same name. */
export function colorOf(name: string): string {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3_600;
  return `hsl(${hash % 360} 65% 38%)`;
}
