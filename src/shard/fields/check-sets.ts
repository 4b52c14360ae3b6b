import { ProtocolError } from '../../errors.js';
import type { SetOperation } from '../../protocol/operations.js';
import type { Storage } from '../../storage/port.js';
import type { Schemas } from '../../validation/schemas.js';

/** What is asked. */
export interface SetChecks {
  readonly storage: Pick<Storage, 'reasonAgainst'>;
  readonly schemas?: Pick<Schemas, 'reasonAgainst'> | undefined;
  /** Stands for writers that name no client id. */
  readonly nodeId: string;
}

/**
 * Checks what must not be shown to anybody: what could never be stored, and what the operator's rules forbid.
 *
 * @throws ProtocolError INVALID_DELTA, VALIDATION_FAILED
 */
export function checkSets(
  { storage, nodeId, schemas }: SetChecks,
  documentId: string,
  operations: readonly SetOperation[],
): void {
  if (storage.reasonAgainst !== undefined) {
    for (const { field, value, clientId = nodeId } of operations) {
      const reason = storage.reasonAgainst({ path: field, value, clientId });
      if (reason !== undefined) throw new ProtocolError('INVALID_DELTA', reason);
    }
  }
  const reason = schemas?.reasonAgainst(documentId, operations);
  if (reason !== undefined) throw new ProtocolError('VALIDATION_FAILED', reason);
}
