import { CoreAbort } from '@synckit/core-wasm';
import { ProtocolError, type ErrorCode } from '../errors.js';
import { isRead, recordKinds, type ReadRecord, type TaskGroup, type WriteRecord } from '../messages/task.js';
import { messageIdOf, type Message } from '../protocol/message.js';
import type { OpenGroup } from './open-task.js';
import type { Outbox } from './outbox.js';
import { requestIdOf } from './record.js';
import type { ShardOptions } from './shard-options.js';

export interface RefusalsOptions extends Pick<ShardOptions, 'log' | 'metrics'> {
  readonly outbox: Pick<Outbox, 'error' | 'readError'>;
}

/** Answers records with errors. */
export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Nothing can be done with a document. */
  refuseGroup(
    documentId: string,
    { records }: TaskGroup,
    openGroup: OpenGroup,
    code: ErrorCode = 'STORAGE_UNAVAILABLE',
  ): void {
    for (const record of records) {
      if (record.kind === recordKinds.interest) continue;
      this.refuse(record, documentId, new ProtocolError(code), undefined);
      openGroup.settleRecord();
    }
  }

  /** What is not the client's fault is logged and, if the core is broken, rethrown. */
  refuse(record: WriteRecord | ReadRecord, documentId: string, error: unknown, message: Message | undefined): void {
    if (error instanceof CoreAbort) throw error;
    const messageId = message === undefined ? requestIdOf(record) : messageIdOf(message.fields);
    const details = { documentId, messageId };
    const isOwn = error instanceof ProtocolError;
    const code = isOwn ? error.code : 'INTERNAL';
    const sentence = isOwn ? error.message : undefined;
    const { log, metrics, outbox } = this.#options;
    metrics.errors(code).add(1);
    if (!isOwn) log.error({ err: error, documentId }, 'a record could not be handled');
    if (isRead(record)) outbox.readError(record, code, details, sentence);
    else outbox.error(record.origin, code, details, sentence);
  }
}
