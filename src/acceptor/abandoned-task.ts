import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { isRead, readTask, recordKinds } from '../messages/task.js';
import { encodeFrame, errorBody } from '../protocol/encode.js';
import type { Delivery } from './fan-out/delivery.js';
import type { ReadAdmission } from './session/limits/read-admission.js';
import { readKey } from './session/limits/read-gate.js';
import type { Session } from './session/session.js';

/** What answers go through. */
export interface Answering {
  /** The open session of this number. */
  readonly find: (number: number) => Session | undefined;
  readonly delivery: Pick<Delivery, 'answerRead'>;
  readonly admission: Pick<ReadAdmission, 'answered'>;
  readonly metrics: Pick<AcceptorMetrics, 'errors'>;
}

/** Answers every record of a task in the format of task.ts with `INTERNAL`; a session that is gone is skipped. */
export function refuseTask(task: Uint8Array<ArrayBuffer>, { find, delivery, admission, metrics }: Answering): void {
  for (const { documentId, records } of readTask(task)) {
    for (const record of records) {
      if (record.kind === recordKinds.interest) continue;
      const { encoding, session: number } = record.origin;
      if (isRead(record)) admission.answered(readKey(number, record.read), 0, true);
      const session = find(number);
      if (session === undefined) continue;
      const bytes = encodeFrame('error', errorBody('error', 'INTERNAL', { documentId }), Date.now(), encoding);
      metrics.errors('INTERNAL').add(1);
      if (isRead(record)) {
        delivery.answerRead(session, { read: record.read, bytes, type: 'error', encoding, last: true });
      } else {
        session.send(bytes, 'error', encoding);
      }
    }
  }
}
