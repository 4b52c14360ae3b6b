/** Ends connections at the wish of an administrator, in turns between which the node serves its clients. */
import type { DisconnectTarget } from '../../auth/accounts/orders.js';
import { closeCodes, errors } from '../../errors.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { errorBody } from '../../protocol/encode.js';
import type { Session } from './session.js';

/** Sessions that are looked at in one turn of the event loop. */
const PER_TURN = 200;

export interface Disconnectable {
  /** Of the user, live. */
  readonly ofUser: (user: string) => Iterable<Session>;
  /** All there are, live: later ones come last. */
  readonly all: () => Iterable<Session>;
  /** The number of the newest session: those that come later stay. */
  readonly newest: () => number;
  readonly metrics: Pick<AcceptorMetrics, 'errors'>;
}

/** @returns How many connections were ended. */
export async function disconnectAll(target: DisconnectTarget, options: Disconnectable): Promise<number> {
  const newest = options.newest();
  const sessions = 'userId' in target ? options.ofUser(target.userId) : options.all();
  const concerns = (session: Session): boolean => 'userId' in target || uses(session, target.documentId);
  let ended = 0;
  let looked = 0;
  for (const session of sessions) {
    if (session.number <= newest && session.isOpen && concerns(session)) {
      end(session, options.metrics);
      ended++;
    }
    if (++looked % PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return ended;
}

function uses({ subscriptions, awareness }: Session, documentId: string): boolean {
  return subscriptions.has(documentId) || awareness?.documents.has(documentId) === true;
}

function end(session: Session, metrics: Disconnectable['metrics']): void {
  metrics.errors('DISCONNECTED').add(1);
  session.reply('error', errorBody('admin', 'DISCONNECTED', {}));
  session.end(closeCodes.disconnected, errors.DISCONNECTED.sentence, true);
}
