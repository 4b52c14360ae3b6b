/** What a client that follows awareness knows: it goes by clocks, as SDKs do. */
import type { Awareness } from '../../../src/acceptor/awareness/awareness.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { decodeFrame } from './client.js';
import { recordingSession } from '../parts/recording-session.js';

export interface SeenState {
  readonly clientId: string;
  readonly state: object | null;
  readonly clock: number;
}

export class AwarenessFollower {
  readonly session: Session = recordingSession().session;
  /** Everything that was published, as `<client> <state> <clock>`. */
  readonly heard: string[] = [];
  readonly #known = new Map<string, Map<string, SeenState>>();

  /** To be given what is published. */
  readonly publish = (_topic: string, frame: Uint8Array<ArrayBuffer>, isBinary: boolean): void => {
    const { documentId, clientId, state, clock } = decodeFrame(Buffer.from(frame), isBinary);
    this.heard.push(`${String(clientId)} ${JSON.stringify(state)} ${String(clock)}`);
    this.#take(String(documentId), { clientId, state, clock } as SeenState);
  };

  follow(awareness: Awareness, documentId: string): void {
    const states = statesTold(awareness, this.session, documentId);
    this.#known.set(documentId, new Map());
    for (const state of states) this.#take(documentId, state);
  }

  /** What it knows of a document, sorted, as `<client> <state> <clock>`. */
  known(documentId: string): string[] {
    return toLines(this.#known.get(documentId)?.values() ?? []);
  }

  #take(documentId: string, seen: SeenState): void {
    const known = this.#known.get(documentId);
    const former = known?.get(seen.clientId);
    if (seen.state === null) {
      if (former !== undefined && seen.clock >= former.clock) known?.delete(seen.clientId);
    } else if (former === undefined || seen.clock > former.clock) {
      known?.set(seen.clientId, seen);
    }
  }
}

/** What a new follower of a document is told, sorted, as `<client> <state> <clock>`. */
export function shownBy(awareness: Awareness, documentId: string): string[] {
  const { session } = recordingSession();
  const states = statesTold(awareness, session, documentId);
  awareness.leaveAll(session);
  return toLines(states);
}

function toLines(states: Iterable<SeenState>): string[] {
  return Array.from(states, ({ clientId, state, clock }) => `${clientId} ${JSON.stringify(state)} ${clock}`).sort();
}

/** Subscribes a session; the states that it is sent. */
export function statesTold(awareness: Awareness, session: Session, documentId: string): SeenState[] {
  if (!awareness.subscribe(session, documentId)) return [];
  const frame = Buffer.from(awareness.stateFrame(session, documentId));
  return decodeFrame(frame, session.encoding === 'binary')['states'] as SeenState[];
}
